#include "core/worker/engine_counters.h"

#include <fmt/core.h>

namespace lockstep::worker {

EngineCounters::EngineCounters(shm::CounterNames& names) {
  add_core(names);
  add_transactions(names);
  add_stateless(names);
}

void EngineCounters::add_core(shm::CounterNames& names) {
  const auto core = [&names](std::string_view name, std::string_view doc) {
    return names.add("core", name, doc);
  };
  rcv_requests = core("rcv_requests", "Requests received.");
  rcv_replies = core("rcv_replies", "Responses received.");
  fwd_requests = core("fwd_requests", "Requests forwarded, retransmissions not counted.");
  fwd_replies = core("fwd_replies", "Responses relayed.");
  drop_requests =
      core("drop_requests", "Requests dropped: no answer could be routed, or the script dropped them.");
  drop_replies = core("drop_replies", "Responses dropped.");
  err_requests = core("err_requests", "Malformed requests.");
  err_replies = core("err_replies", "Malformed responses.");
  bad_uri = core("bad_URIs_rcvd", "URIs that could not be parsed when they were needed.");
  bad_msg_hdr = core("bad_msg_hdr", "Datagrams that are no SIP message.");
  keepalives = core("keepalives", "Keep-alive datagrams (CRLF).");
  stray_replies = core("stray_replies", "Responses that match no transaction (RFC 6026 7.3).");
  send_errors = core("send_errors", "Datagrams that the kernel refused to send.");
  oversized = core("oversized", "Datagrams dropped because no memory could hold them.");
  quarantined = core("quarantined", "Datagrams set aside after two workers died of them.");
  recovered_events = core("recovered_events", "Events worked for a worker that died.");
  recovered_datagrams = core("recovered_datagrams", "Datagrams sent for a worker that died.");
  refused_full = core("refused_full", "Requests answered 503 because a table was full.");
}

void EngineCounters::add_transactions(shm::CounterNames& names) {
  const auto tmx = [&names](std::string_view name, std::string_view doc) {
    return names.add("tmx", name, doc);
  };
  uas_transactions = tmx("UAS_transactions", "Transactions made by received requests.");
  uac_transactions = tmx("UAC_transactions", "Transactions made here.");
  created = tmx("created", "Transactions made.");
  freed = tmx("freed", "Transactions freed.");
  rpl_received = tmx("rpl_received", "Responses matched to a transaction.");
  rpl_generated = tmx("rpl_generated", "Responses made for a transaction.");
  rpl_sent = tmx("rpl_sent", "Responses sent by transactions.");
  rpl_relayed = tmx("rpl_relayed", "Responses relayed by transactions.");
  rpl_absorbed = tmx("rpl_absorbed", "Responses absorbed by transactions.");
  retransmissions = tmx("retransmissions", "Retransmitted requests absorbed.");
  cancels_sent = tmx("cancels_sent", "CANCELs made for branches.");
  cancels_withdrawn = tmx("cancels_withdrawn", "CANCELs not sent because the final was there already.");
  requests_withdrawn = tmx("requests_withdrawn", "INVITEs not sent because the call was over already.");
  late_2xx_ended = tmx("late_2xx_ended", "Late 2xx acknowledged and ended with BYE.");
  local_408 = tmx("local_408", "408 made here.");
  for (std::size_t i = 2; i < completed.size(); ++i) {
    completed[i] = tmx(fmt::format("{}xx_transactions", i), "Transactions by class of their final.");
  }
  for (std::size_t i = 0; i < faults.size(); ++i) {
    faults[i] =
        names.add("faults", sip::fault_name(static_cast<sip::Fault>(i)), "Malformed messages by cause.");
  }
  for (std::size_t i = 1; i < ignored.size(); ++i) {
    ignored[i] = names.add("ignored", transaction::name_of(static_cast<transaction::Why>(i)),
                           "Events without effect, by cause.");
  }
}

void EngineCounters::add_stateless(shm::CounterNames& names) {
  const auto sl = [&names](std::string_view name, std::string_view doc) {
    return names.add("sl", name, doc);
  };
  sl_sent_replies = sl("sent_replies", "Stateless replies sent.");
  sl_sent_err_replies = sl("sent_err_replies", "Stateless error replies sent.");
  sl_received_acks = sl("received_ACKs", "ACKs to stateless replies, absorbed.");
  for (std::size_t i = 1; i < 7; ++i)
    sl_classes[i] = sl(fmt::format("{}xx_replies", i), "Stateless replies sent.");
  sl_classes[7] = sl("xxx_replies", "Stateless replies sent.");
  const auto status = [&sl](int code) {
    return sl(fmt::format("{}_replies", code), "Stateless replies sent.");
  };
  sl_200 = status(200);
  sl_202 = status(202);
  sl_300 = status(300);
  sl_301 = status(301);
  sl_302 = status(302);
  sl_400 = status(400);
  sl_401 = status(401);
  sl_403 = status(403);
  sl_404 = status(404);
  sl_407 = status(407);
  sl_408 = status(408);
  sl_483 = status(483);
  sl_500 = status(500);
}

}  // namespace lockstep::worker
