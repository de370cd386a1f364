// rpc_parse.h: one request's text to a typed request. Control process only.
// More lenient than JSON in two ways that kamctl needs: a raw line end inside a string is taken as it is, and
// a bare word that is no JSON value (+4930123, 0049, nan) is read as a string.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/worker/rpc.h"

namespace lockstep::worker {

// How the answer finds its way; known even for most invalid requests.
struct RpcReturnPath {
  std::string reply_name;  // As sent, unchecked; empty if there is none.
  std::string id_json;     // Empty if there is none.
};

struct RpcParsed {
  RpcRequest request;
  RpcReturnPath back;
};

struct RpcParseFault {
  int code = 0;  // JSON-RPC 2.0, section 5.1.
  std::string text;
  RpcReturnPath back;
};

Result<RpcParsed, RpcParseFault> parse_rpc_request(std::string_view text);

// From text that need not be JSON: the last "reply_name": "..." and the last "id": number or plain string.
RpcReturnPath find_return_path(std::string_view text);

}  // namespace lockstep::worker
