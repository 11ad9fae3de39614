# expat, the reader of XML.
# Gives the target Expat::Expat.
include(LoginetlDeps)
loginetl_module(Expat Expat::Expat HEADER expat.h LIBRARY expat)
