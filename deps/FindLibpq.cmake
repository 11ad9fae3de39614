# libpq, PostgreSQL's client library. CMake's own module asks for the server's headers too.
# Gives the target Libpq::Libpq.
include(LoginetlDeps)
loginetl_module(Libpq Libpq::Libpq HEADER libpq-fe.h LIBRARY pq SUFFIX postgresql)
