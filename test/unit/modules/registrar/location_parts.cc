// location_parts.cc: the location service as these tests need it. Modules never meet in one binary; a test of
// the registrar over a made-up store would prove little, so the real one is compiled in here.
#include "modules/usrloc/location_commit.cc"
#include "modules/usrloc/location_table.cc"
#include "modules/usrloc/location_update.cc"
