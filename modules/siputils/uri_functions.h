// uri_functions.h: the functions of siputils that look at URIs and numbers. Called once, by the module.
#pragma once

#include "core/script/registry.h"

namespace lockstep::siputils {

// is_uri, is_gruu, cmp_uri, cmp_aor, tel2sip, set_uri_*, and the parameters of the Request-URI.
void add_uri_functions(script::ModuleExports& exports);
// is_e164, is_uri_user_e164, is_tel_number, is_numeric, is_alphanum, is_alphanumex.
void add_number_functions(script::ModuleExports& exports);

}  // namespace lockstep::siputils
