// engine_counters.h: the statistics of the call engine, under Kamailio's group and names where it has them.
#pragma once

#include <array>

#include "core/sip/fault.h"
#include "core/transaction/event.h"
#include "shm/counters.h"

namespace lockstep::worker {

struct EngineCounters {
  explicit EngineCounters(shm::CounterNames& names);

  shm::CounterId rcv_requests, rcv_replies, fwd_requests, fwd_replies, drop_requests, drop_replies;
  shm::CounterId err_requests, err_replies, bad_uri, bad_msg_hdr, keepalives, stray_replies, send_errors;
  shm::CounterId oversized, quarantined, recovered_events, recovered_datagrams, refused_full;
  shm::CounterId uas_transactions, uac_transactions, created, freed, rpl_received, rpl_generated, rpl_sent;
  shm::CounterId rpl_relayed, rpl_absorbed, retransmissions, cancels_sent, local_408;
  shm::CounterId cancels_withdrawn, requests_withdrawn, late_2xx_ended;
  std::array<shm::CounterId, 7> completed;  // By class of the final: [2] 2xx ... [6] 6xx.
  std::array<shm::CounterId, sip::kFaultCount> faults;
  std::array<shm::CounterId, transaction::kWhyCount> ignored;
  shm::CounterId sl_sent_replies, sl_sent_err_replies, sl_received_acks;
  std::array<shm::CounterId, 8> sl_classes;  // [1] 1xx ... [6] 6xx, [7] others.
  shm::CounterId sl_200, sl_202, sl_300, sl_301, sl_302, sl_400, sl_401, sl_403, sl_404, sl_407, sl_408,
      sl_483, sl_500;

 private:
  void add_core(shm::CounterNames& names);
  void add_transactions(shm::CounterNames& names);
  void add_stateless(shm::CounterNames& names);
};

}  // namespace lockstep::worker
