# cmocka, the unit test library.
# Gives the target Cmocka::Cmocka.
include(LoginetlDeps)
loginetl_module(Cmocka Cmocka::Cmocka HEADER cmocka.h LIBRARY cmocka)
