# libuv, the event loop.
# Gives the target Libuv::Libuv.
include(LoginetlDeps)
loginetl_module(Libuv Libuv::Libuv HEADER uv.h LIBRARY uv)
