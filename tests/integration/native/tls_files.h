/* A certificate authority made for one test run, and certificates by it. */
#ifndef LE_TESTS_TLS_FILES_H
#define LE_TESTS_TLS_FILES_H

struct tls_files {
    char folder[64];
    char ca_file[96];       /* PEM */
    char other_ca_file[96]; /* that has signed nothing here */
    /* PEM texts; for localhost and 127.0.0.1, and for a name that is not ours */
    char *cert, *key;
    char *wrong_cert, *wrong_key;
};

/* Ends the program when the openssl command is missing. */
void tls_files_make(struct tls_files *files);
void tls_files_remove(struct tls_files *files);

#endif
