// mutation.cc: what is broken in this binary, if anything can be.
#include "core/base/mutation.h"

#ifdef LOCKSTEP_MUTATIONS
namespace lockstep {

Mutation active_mutation = Mutation::kNone;

}  // namespace lockstep
#endif
