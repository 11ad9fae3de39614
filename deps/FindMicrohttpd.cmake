# libmicrohttpd, the HTTP server in the tests.
# Gives the target Microhttpd::Microhttpd.
include(LoginetlDeps)
loginetl_module(Microhttpd Microhttpd::Microhttpd HEADER microhttpd.h LIBRARY microhttpd)
