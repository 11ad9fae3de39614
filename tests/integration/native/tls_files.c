#include "tls_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char script[] =
    "cd '%s' && exec >/dev/null 2>&1 && set -e\n"
    "for name in ca other; do\n"
    "  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=$name"
    " -addext basicConstraints=critical,CA:TRUE -keyout $name.key -out $name.pem\n"
    "done\n"
    "issue() {\n"
    "  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=server"
    " -keyout $1.key -out $1.csr\n"
    "  printf 'subjectAltName=%%s\\n' \"$2\" > $1.ext\n"
    "  openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2"
    " -extfile $1.ext -out $1.pem\n"
    "}\n"
    "issue right DNS:localhost,IP:127.0.0.1\n"
    "issue wrong DNS:elsewhere.example\n";

static void die(const char *what)
{
    perror(what);
    abort();
}

static char *read_text(const char *folder, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 8192);
    if (file == NULL || text == NULL || fread(text, 1, 8191, file) == 0)
        die(path);
    fclose(file);
    return text;
}

void tls_files_make(struct tls_files *files)
{
    memset(files, 0, sizeof *files);
    snprintf(files->folder, sizeof files->folder, "/tmp/loginetl-tls-XXXXXX");
    if (mkdtemp(files->folder) == NULL)
        die("mkdtemp");
    char command[sizeof script + sizeof files->folder];
    snprintf(command, sizeof command, script, files->folder);
    if (system(command) != 0)
        die("the openssl command");
    snprintf(files->ca_file, sizeof files->ca_file, "%s/ca.pem", files->folder);
    snprintf(files->other_ca_file, sizeof files->other_ca_file, "%s/other.pem", files->folder);
    files->cert = read_text(files->folder, "right.pem");
    files->key = read_text(files->folder, "right.key");
    files->wrong_cert = read_text(files->folder, "wrong.pem");
    files->wrong_key = read_text(files->folder, "wrong.key");
}

void tls_files_remove(struct tls_files *files)
{
    char command[96];
    snprintf(command, sizeof command, "rm -r '%s'", files->folder);
    if (system(command) != 0)
        die("rm");
    free(files->cert);
    free(files->key);
    free(files->wrong_cert);
    free(files->wrong_key);
}
