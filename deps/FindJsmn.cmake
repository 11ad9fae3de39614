# jsmn, a JSON tokenizer in one header.
# Gives the target Jsmn::Jsmn.
include(LoginetlDeps)
loginetl_module(Jsmn Jsmn::Jsmn HEADER jsmn.h)
