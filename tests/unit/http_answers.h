/* Answers of HTTP/1.1 servers, good and bad, and what is to become of them; also what libcurl's own
 * engine makes of them. */
#ifndef LE_TESTS_HTTP_ANSWERS_H
#define LE_TESTS_HTTP_ANSWERS_H

#include "loginetl/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Where libcurl's engine is of another mind than we are. */
enum libcurl {
    AGREES,
    TAKES_IT,   /* what we refuse */
    REFUSES_IT, /* what we take */
    UNSAFE,     /* libcurl 7.88 reads freed memory over it */
};

struct answer {
    const char *name;
    const char *raw;
    size_t raw_len;
    enum le_err err;
    int status;
    const char *body;
    size_t body_len;
    bool closes;    /* the connection is not to be kept */
    bool no_body;   /* the request was HEAD */
    size_t surplus; /* bytes behind the answer's end */
    enum libcurl libcurl;
};

#define GOOD(name_, raw_, status_, body_)                                             \
    .name = (name_), .raw = (raw_), .raw_len = sizeof(raw_) - 1, .status = (status_), \
    .body = (body_), .body_len = sizeof(body_) - 1
#define BAD(name_, raw_, err_, status_) \
    .name = (name_), .raw = (raw_), .raw_len = sizeof(raw_) - 1, .err = (err_), .status = (status_)

#define OK200 "HTTP/1.1 200 OK\r\n"
#define CHUNK OK200 "Transfer-Encoding: chunked\r\n\r\n"

static const struct answer answers[] = {
    {GOOD("length", OK200 "Content-Length: 5\r\n\r\nhello", 200, "hello")},
    {GOOD("length 0", OK200 "Content-Length: 0\r\n\r\n", 200, "")},
    {GOOD("any case", "HTTP/1.1 200 OK\r\ncOnTeNt-LeNgTh: 2\r\n\r\nhi", 200, "hi")},
    {GOOD("no space before the value", OK200 "Content-Length:2\r\n\r\nhi", 200, "hi")},
    {GOOD("blanks around the value", OK200 "Content-Length: \t 2 \t \r\n\r\nhi", 200, "hi")},
    {GOOD("no reason", "HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n", 503, "")},
    {GOOD("no space behind the status", "HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n", 503, "")},
    {GOOD("bare LF in the head", "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", 200, "hi")},
    {GOOD("both line ends mixed", "HTTP/1.1 200 OK\nContent-Length: 2\r\n\nhi", 200, "hi")},
    {GOOD("equal lengths", OK200 "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", 200, "hi")},
    {GOOD("equal lengths in a list", OK200 "Content-Length: 2, 2 ,2\r\n\r\nhi", 200, "hi")},
    {GOOD("leading zeros", OK200 "Content-Length: 000000000000000000000002\r\n\r\nhi", 200, "hi")},
    {GOOD("empty header", OK200 "X-Empty:\r\nContent-Length: 2\r\n\r\nhi", 200, "hi")},
    {GOOD("latin text in a header", OK200 "X: \xe9\xff\tx\r\nContent-Length: 2\r\n\r\nhi", 200,
          "hi")},
    {GOOD("connection close", OK200 "Connection: close\r\nContent-Length: 2\r\n\r\nhi", 200, "hi"),
     .closes = true},
    {GOOD("close in a list", OK200 "Connection: x, Close , y\r\nContent-Length: 2\r\n\r\nhi", 200,
          "hi"),
     .closes = true},
    {GOOD("close in a second header",
          OK200 "Connection: keep-alive\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", 200,
          "hi"),
     .closes = true},
    {GOOD("not close", OK200 "Connection: closed\r\nContent-Length: 2\r\n\r\nhi", 200, "hi")},
    {GOOD("1.0 closes", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi"),
     .closes = true},
    {GOOD("1.0 kept", "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nhi",
          200, "hi")},
    {GOOD(
         "1.0 chunked is not kept",
         "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
         200, "hi"),
     .closes = true},
    {GOOD("1.2 is like 1.1", "HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi"),
     .libcurl = REFUSES_IT},
    {GOOD("204 has no body", "HTTP/1.1 204 No Content\r\n\r\n", 204, "")},
    {GOOD("204 whatever it says", "HTTP/1.1 204 x\r\nContent-Length: 3\r\n\r\n", 204, "")},
    {GOOD("304 has no body", "HTTP/1.1 304 x\r\nContent-Length: 30\r\n\r\n", 304, "")},
    {GOOD("answer to HEAD", OK200 "Content-Length: 300\r\n\r\n", 200, ""), .no_body = true},
    {GOOD("status above 5xx", "HTTP/1.1 999 x\r\nContent-Length: 0\r\n\r\n", 999, "")},
    {GOOD("until close", OK200 "\r\nall of it", 200, "all of it"), .closes = true},
    {GOOD("until close, empty", OK200 "\r\n", 200, ""), .closes = true},
    {GOOD("until close of 1.0", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nx", 200, "x"),
     .closes = true},
    {GOOD("surplus", OK200 "Content-Length: 2\r\n\r\nhiHTTP", 200, "hi"), .surplus = 4},
    {GOOD("surplus without a body", "HTTP/1.1 204 x\r\n\r\nx", 204, ""), .surplus = 1},
    /* interim answers */
    {GOOD("100", "HTTP/1.1 100 Continue\r\n\r\n" OK200 "Content-Length: 2\r\n\r\nhi", 200, "hi")},
    {GOOD(
        "103 with headers",
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\nContent-Length: 9\r\nConnection: close\r\n\r\n" OK200
        "Content-Length: 2\r\n\r\nhi",
        200, "hi")},
    {BAD("only 100", "HTTP/1.1 100 Continue\r\n\r\n", LE_ERR_CLOSED, 0)},
    {BAD("101 was never asked for", "HTTP/1.1 101 Switching\r\n\r\n", LE_ERR_PROTOCOL, 0)},
    /* chunked */
    {GOOD("chunked", CHUNK "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", 200, "hello world")},
    {GOOD("chunked, empty", CHUNK "0\r\n\r\n", 200, "")},
    {GOOD("chunked in any case", OK200 "TRANSFER-ENCODING:  Chunked \r\n\r\n1\r\nx\r\n0\r\n\r\n",
          200, "x")},
    {GOOD("hex in both cases", CHUNK "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n", 200,
          "01234567890123456789a")},
    {GOOD("extensions", CHUNK "5;a=b;c=\"d;e\"\r\nhello\r\n0;last\r\n\r\n", 200, "hello")},
    {GOOD("padded size", CHUNK "5  \t\r\nhello\r\n0 ;x\r\n\r\n", 200, "hello")},
    {GOOD("size with zeros", CHUNK "00000000000000000000005\r\nhello\r\n000\r\n\r\n", 200, "hello"),
     .libcurl = REFUSES_IT},
    {GOOD("trailers", CHUNK "1\r\nx\r\n0\r\nA: b\r\nContent-Length: 99\r\nC:\r\n\r\n", 200, "x")},
    {GOOD("trailers with LF", CHUNK "1\r\nx\r\n0\r\nA: b\nC: d\n\n", 200, "x")},
    {GOOD("chunked and surplus", CHUNK "1\r\nx\r\n0\r\n\r\nyz", 200, "x"), .surplus = 2},
    {GOOD("binary body", OK200 "Content-Length: 4\r\n\r\n\r\n\0\xff", 200, "\r\n\0\xff")},
    /* cut */
    {BAD("nothing", "", LE_ERR_CLOSED, 0)},
    {BAD("cut in the status line", "HTTP/1.1 20", LE_ERR_CLOSED, 0)},
    {BAD("cut in the head", OK200 "Content-Length: 5\r\n", LE_ERR_CLOSED, 0)},
    {BAD("cut in the body", OK200 "Content-Length: 5\r\n\r\nhell", LE_ERR_CLOSED, 200)},
    {BAD("cut in a size", CHUNK "5", LE_ERR_CLOSED, 200)},
    {BAD("cut in a chunk", CHUNK "5\r\nhell", LE_ERR_CLOSED, 200)},
    {BAD("cut behind a chunk", CHUNK "5\r\nhello\r\n", LE_ERR_CLOSED, 200)},
    {BAD("cut before the last line", CHUNK "5\r\nhello\r\n0\r\n", LE_ERR_CLOSED, 200)},
    {BAD("cut in a trailer", CHUNK "0\r\nA: b\r\n", LE_ERR_CLOSED, 200)},
    /* refused: the status line */
    {BAD("another protocol", "SSH-2.0-x\r\n", LE_ERR_PROTOCOL, 0)},
    {BAD("TLS", "\x15\x03\x01\x00\x02\x02\x46", LE_ERR_PROTOCOL, 0)},
    {BAD("an empty line first", "\r\n" OK200 "\r\n", LE_ERR_PROTOCOL, 0)},
    {BAD("HTTP/2", "HTTP/2 200\r\n\r\n", LE_ERR_PROTOCOL, 0), .libcurl = TAKES_IT},
    {BAD("lower case", "http/1.1 200 OK\r\n\r\n", LE_ERR_PROTOCOL, 0), .libcurl = TAKES_IT},
    {BAD("two digits", "HTTP/1.1 20\r\n\r\n", LE_ERR_PROTOCOL, 0)},
    {BAD("four digits", "HTTP/1.1 2000\r\n\r\n", LE_ERR_PROTOCOL, 0)},
    {BAD("no digits", "HTTP/1.1 abc OK\r\n\r\n", LE_ERR_PROTOCOL, 0)},
    {BAD("below 100", "HTTP/1.1 099 x\r\n\r\n", LE_ERR_PROTOCOL, 0)},
    {BAD("two blanks", "HTTP/1.1  200 x\r\n\r\n", LE_ERR_PROTOCOL, 0), .libcurl = TAKES_IT},
    {BAD("long minor", "HTTP/1.10 200 x\r\n\r\n", LE_ERR_PROTOCOL, 0)},
    {BAD("minor is no digit", "HTTP/1.x 200 x\r\n\r\n", LE_ERR_PROTOCOL, 0)},
    {BAD("no minor", "HTTP/1.\n\n", LE_ERR_PROTOCOL, 0)},
    {BAD("control in the reason", "HTTP/1.1 200 \x01\r\n\r\n", LE_ERR_PROTOCOL, 0),
     .libcurl = TAKES_IT},
    /* refused: headers */
    {BAD("no colon", OK200 "Nonsense\r\n\r\n", LE_ERR_PROTOCOL, 0)},
    {BAD("no name", OK200 ": x\r\n\r\n", LE_ERR_PROTOCOL, 0), .libcurl = TAKES_IT},
    {BAD("blank before the colon", OK200 "Content-Length : 2\r\n\r\nhi", LE_ERR_PROTOCOL, 0),
     .libcurl = TAKES_IT},
    {BAD("folding", OK200 "A: b\r\n c\r\nContent-Length: 0\r\n\r\n", LE_ERR_PROTOCOL, 0),
     .libcurl = UNSAFE},
    {BAD("folding by tab", OK200 "A: b\r\n\tc\r\n\r\n", LE_ERR_PROTOCOL, 0), .libcurl = UNSAFE},
    {BAD("folded first line", OK200 " A: b\r\n\r\n", LE_ERR_PROTOCOL, 0), .libcurl = UNSAFE},
    {BAD("bare CR", OK200 "A: b\rContent-Length: 9\r\n\r\n", LE_ERR_PROTOCOL, 0),
     .libcurl = TAKES_IT},
    {BAD("two CR", OK200 "A: b\r\r\n\r\n", LE_ERR_PROTOCOL, 0), .libcurl = TAKES_IT},
    {BAD("CR alone in a line", OK200 "\rA: b\r\n\r\n", LE_ERR_PROTOCOL, 0), .libcurl = TAKES_IT},
    {BAD("NUL in a value", OK200 "A: b\0c\r\n\r\n", LE_ERR_PROTOCOL, 0)},
    {BAD("NUL in a name", OK200 "A\0: b\r\n\r\n", LE_ERR_PROTOCOL, 0)},
    {BAD("not a token", OK200 "A(b): c\r\n\r\n", LE_ERR_PROTOCOL, 0), .libcurl = TAKES_IT},
    /* refused: lengths */
    {BAD("two lengths", OK200 "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!", LE_ERR_PROTOCOL,
         0),
     .libcurl = TAKES_IT},
    {BAD("two lengths in a list", OK200 "Content-Length: 2, 3\r\n\r\nhi!", LE_ERR_PROTOCOL, 0),
     .libcurl = TAKES_IT},
    {BAD("no length", OK200 "Content-Length:\r\n\r\n", LE_ERR_PROTOCOL, 0)},
    {BAD("half a list", OK200 "Content-Length: 2,\r\n\r\nhi", LE_ERR_PROTOCOL, 0),
     .libcurl = TAKES_IT},
    {BAD("negative", OK200 "Content-Length: -1\r\n\r\n", LE_ERR_PROTOCOL, 0)},
    {BAD("plus", OK200 "Content-Length: +1\r\n\r\nx", LE_ERR_PROTOCOL, 0), .libcurl = TAKES_IT},
    {BAD("hex", OK200 "Content-Length: 0x1\r\n\r\nx", LE_ERR_PROTOCOL, 0), .libcurl = TAKES_IT},
    {BAD("two numbers", OK200 "Content-Length: 1 1\r\n\r\nx", LE_ERR_PROTOCOL, 0),
     .libcurl = TAKES_IT},
    {BAD("huge", OK200 "Content-Length: 9223372036854775808\r\n\r\n", LE_ERR_PROTOCOL, 0),
     .libcurl = TAKES_IT},
    {BAD("past 64 bits", OK200 "Content-Length: 18446744073709551618\r\n\r\nhi", LE_ERR_PROTOCOL,
         0),
     .libcurl = TAKES_IT},
    {BAD("largest, and too large", OK200 "Content-Length: 9223372036854775807\r\n\r\n",
         LE_ERR_TOO_LARGE, 200)},
    {BAD("both lengths", OK200 "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         LE_ERR_PROTOCOL, 0),
     .libcurl = TAKES_IT},
    {BAD("both, the other way round",
         OK200 "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", LE_ERR_PROTOCOL,
         0),
     .libcurl = TAKES_IT},
    {BAD("unknown coding", OK200 "Transfer-Encoding: gzip\r\n\r\n", LE_ERR_PROTOCOL, 0),
     .libcurl = TAKES_IT},
    {BAD("gzip, chunked", OK200 "Transfer-Encoding: gzip, chunked\r\n\r\n", LE_ERR_PROTOCOL, 0)},
    {BAD("identity", OK200 "Transfer-Encoding: identity\r\n\r\n", LE_ERR_PROTOCOL, 0),
     .libcurl = TAKES_IT},
    {BAD("chunked twice", OK200 "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
         LE_ERR_PROTOCOL, 0)},
    /* refused: chunks */
    {BAD("no size", CHUNK "\r\n", LE_ERR_PROTOCOL, 200)},
    {BAD("size is no hex", CHUNK "g\r\n", LE_ERR_PROTOCOL, 200)},
    {BAD("negative size", CHUNK "-5\r\nhello\r\n", LE_ERR_PROTOCOL, 200)},
    {BAD("0x", CHUNK "0x5\r\nhello\r\n", LE_ERR_PROTOCOL, 200)},
    {BAD("blank before the size", CHUNK " 5\r\nhello\r\n", LE_ERR_PROTOCOL, 200)},
    {BAD("blank inside the size", CHUNK "1 0\r\n", LE_ERR_PROTOCOL, 200)},
    {BAD("size past 63 bits", CHUNK "8000000000000000\r\n", LE_ERR_PROTOCOL, 200)},
    {BAD("size past 64 bits", CHUNK "10000000000000005\r\nhello", LE_ERR_PROTOCOL, 200)},
    {BAD("largest size, too large", CHUNK "7fffffffffffffff\r\n", LE_ERR_TOO_LARGE, 200)},
    {BAD("LF behind the size", CHUNK "5\nhello\r\n0\r\n\r\n", LE_ERR_PROTOCOL, 200),
     .libcurl = TAKES_IT},
    {BAD("LF in the extension", CHUNK "5;a\nhello\r\n0\r\n\r\n", LE_ERR_PROTOCOL, 200),
     .libcurl = TAKES_IT},
    {BAD("bare CR behind the size", CHUNK "5\rhello\r\n0\r\n\r\n", LE_ERR_PROTOCOL, 200)},
    {BAD("chunk longer than its size", CHUNK "4\r\nhello\r\n0\r\n\r\n", LE_ERR_PROTOCOL, 200)},
    {BAD("LF behind the chunk", CHUNK "5\r\nhello\n0\r\n\r\n", LE_ERR_PROTOCOL, 200),
     .libcurl = TAKES_IT},
    {BAD("CR alone behind the chunk", CHUNK "5\r\nhello\r0\r\n\r\n", LE_ERR_PROTOCOL, 200)},
    {BAD("control in the extension", CHUNK "5;\x01\r\nhello\r\n", LE_ERR_PROTOCOL, 200)},
    {BAD("trailer without a colon", CHUNK "0\r\nabc\r\n\r\n", LE_ERR_PROTOCOL, 200)},
    {BAD("trailer without a name", CHUNK "0\r\n: x\r\n\r\n", LE_ERR_PROTOCOL, 200),
     .libcurl = TAKES_IT},
    {BAD("folded trailer", CHUNK "0\r\nA: b\r\n c\r\n\r\n", LE_ERR_PROTOCOL, 200),
     .libcurl = TAKES_IT},
    {BAD("CR in a trailer", CHUNK "0\r\nA: b\rc\r\n\r\n", LE_ERR_PROTOCOL, 200)},
    {BAD("control in a trailer", CHUNK "0\r\nA: \x02\r\n\r\n", LE_ERR_PROTOCOL, 200),
     .libcurl = TAKES_IT},
};

#define ANSWERS (sizeof answers / sizeof answers[0])

#endif
