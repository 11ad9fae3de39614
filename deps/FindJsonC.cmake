# json-c, a JSON parser that ours is held against.
# Gives the target JsonC::JsonC.
include(LoginetlDeps)
loginetl_module(JsonC JsonC::JsonC HEADER json-c/json.h LIBRARY json-c)
