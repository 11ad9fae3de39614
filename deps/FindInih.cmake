# inih, the reader of configuration files.
# Gives the target Inih::Inih.
include(LoginetlDeps)
loginetl_module(Inih Inih::Inih HEADER ini.h LIBRARY inih)
