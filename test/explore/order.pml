/* order.pml: the wire transcripts that core/transaction/ORDER.md allows for one call, all of them.
 *
 * `model` beside it turns a scenario into scenario.h (workers, branches, policies, datagrams), has spin visit
 * every interleaving and prints what reached the wire, each transcript once.
 *
 * Modelled: the rules, at the granularity at which workers interleave. One step each:
 *   strict     receive a batch | admit one datagram, and own the entry if nobody does | take the oldest
 *              event | look ahead: receive, then admit one by one | decide | hand one datagram to the
 *              kernel | release, unless the inbox has filled. What is decided and unsent can be withdrawn.
 *   openser13  lock, decide, unlock | pick the branches to cancel, without the lock | lock, mark, unlock |
 *              hand one datagram to the kernel. No look-ahead, nothing held or withdrawn.
 * Events that were taken and not yet worked stay in `inbox` here: they are worked before those behind them,
 * and both are in hand. Between the look and the commit nothing is received or admitted here; on the server
 * something may be, and then the CANCEL is withdrawn instead of held, or has left before: the wire is one of
 * these.
 *
 * Not modelled: timers, so no retransmission of ours, no 408, no cancel_holdoff; a held CANCEL ends with the
 * final that it waits for. Answers to what is sent: only the scenario's datagrams arrive, and all lie in
 * their sockets when the race begins. One source in two sockets is admitted in either order: which of them
 * the kernel served first (O1) is not known here. Scripts, failure routes, deaths, want of memory or room.
 * In openser13 a branch is marked under the lock: lost flag bits (W9) and two CANCELs (W10) of the peers do
 * not show. A CANCEL that finds no INVITE goes statelessly to its Request-URI, taken to be A's address.
 *
 * Rules are checked as they are listed below. In strict the search stops at the first breach; in openser13
 * the transcript carries the names of what was broken on its way.
 */
#include "scenario.h"

#define NOBODY 255
#define WHEN(condition, ...) if :: condition -> __VA_ARGS__ :: else fi
#define EACH_BRANCH(b) b : 0 .. BRANCHES - 1

/* What a datagram is: a status from 100 to 699, or one of these. */
#define INVITE       1
#define CANCEL       2
#define ANSWER       3 /* in: a phone's response to a CANCEL */
#define ACK          4 /* out, and the following */
#define BYE          5
#define OK_TO_CANCEL 6
#define STRAY_CANCEL 7 /* forwarded statelessly */

mtype = { none, owed, held, sent };          /* O8: the CANCEL of a branch */
mtype = { idle, open, completed, accepted }; /* the server transaction */
mtype = { relay, terminate, drop };          /* O13: what becomes of a 2xx dialog */

typedef Branch {
  bool rang;                 /* a 1xx was committed */
  bool answered;             /* a 2xx was committed */
  short final;               /* 0: pending */
  bool made_up;              /* the final was made here */
  mtype cancel = none;
  mtype dialog[TAGS] = none; /* by To tag */
  bool cancelled;            /* for the rules: its CANCEL is on the wire */
  byte acks_due;
  byte byes_due
};

/* ---- the call ---- */
Branch br[BRANCHES];
mtype server = idle;
bool cancelled_by_caller, global_failure;
short last_up;            /* for a retransmitted INVITE: the last response but a 2xx, and whose */
byte last_who;
byte owner = NOBODY;      /* strict: of the entry */
byte in_hand[BRANCHES];   /* finals that some worker has received and nobody has worked */
byte commits;             /* number of the last commit */

chan inbox = [QUEUE] of { short, byte, byte };           /* what, branch, To tag */
chan setup = [QUEUE] of { short, byte, byte };
chan socket[WORKERS] = [QUEUE] of { short, byte, byte };
chan out[WORKERS] = [OUTBOX] of { short, byte, byte };   /* what, branch, commit: decided, not handed over */

/* ---- the wire ---- */
short wire_what[WIRE];
byte wire_who[WIRE];
byte wire_count, wire_first; /* the setup, until wire_first, is not shown */
bool final_up, success_up;

/* ---- the rules; report() has their names ---- */
#define I2  1    /* one non-2xx final at most, and none after a 2xx */
#define I3  2    /* no 1xx after a final (W21) */
#define I5  4    /* CANCEL only after a 1xx */
#define I6  8    /* no commit of a CANCEL with the final committed or in hand */
#define I7  16   /* one CANCEL a branch */
#define I8  32   /* at rest no ringing branch of a closed call is without its CANCEL (W1) */
#define I10 64   /* BYE right behind its ACK; ACK and BYE once for what they are due to */
#define I13 128  /* no non-2xx final while a branch lacks one */
#define I19 256  /* at rest nobody owns the entry, and no event is left */
#define O5  512  /* nothing overtakes what was committed before it (W2) */
#define O6  1024 /* no CANCEL before the 2xx that causes it (W5) */
#define O9  2048 /* no CANCEL is sent once the branch's final is committed (W4) */
#define O10 4096 /* no INVITE is sent once the call is closed (W3) */
short broken;
#define RULE(name, holds) \
  WHEN(!(holds), broken = broken | name; WHEN(STRICT, c_code { report(); }; assert(false)))

/* On standard output: "WIRE", what was broken, "-", the transcript. */
c_code {
  static void report(void) {
    static const char* const rules[] = {"I2", "I3", "I5", "I6", "I7", "I8", "I10", "I13", "I19",
                                        "O5", "O6", "O9", "O10"};
    static const char* const requests[] = {"", "INVITE", "CANCEL", "", "ACK", "BYE", "", "CANCEL"};
    int n;
    printf("WIRE ");
    for (n = 0; n < 13; ++n) if (now.broken & (1 << n)) printf("%s,", rules[n]);
    printf("-");
    for (n = now.wire_first; n < now.wire_count; ++n) {
      const int what = now.wire_what[n], who = now.wire_who[n];
      printf(n == now.wire_first ? " " : "; ");
      if (what == OK_TO_CANCEL) printf("200 cancel");
      else if (what < 100) printf("%s %c", requests[what], 'A' + who);
      else printf("%d %c", what, who == NOBODY ? '-' : 'A' + who);
    }
    printf("\n");
  }
}

/* Variables of one step: they carry nothing from one to the next. */
hidden byte i, j, x_who, x_tag, x_number, other;
hidden short x_what;
hidden int rank, least;
hidden mtype verdict = none;

/* ---- decisions: `what`, `who`, `tag` are the event, `me` the worker ---- */

inline put(w, b) { out[me]!w, b, commits }
inline respond(w, b) { put(w, b); last_up = w; last_who = b } /* anything but a 2xx */

/* O9: the CANCEL of b is due. */
inline due(b) {
  if
  :: STRICT && in_hand[b] > 0 -> br[b].cancel = held
  :: else ->
     RULE(I5, br[b].rang);
     RULE(I6, br[b].final == 0 && in_hand[b] == 0);
     br[b].cancel = sent;
     put(CANCEL, b)
  fi
}

/* The final of b ends what was wanted of its CANCEL, and takes it back if it is unsent (O8, O9). */
inline finish(b, status, is_made_up) {
  br[b].final = status;
  br[b].made_up = is_made_up;
  if
  :: br[b].cancel == owed || br[b].cancel == held -> br[b].cancel = none
  :: STRICT && br[b].cancel == sent && out[me]??[CANCEL, eval(b), _] ->
     out[me]??CANCEL, eval(b), _;
     br[b].cancel = none
  :: else
  fi
}

/* O8, and O10: an INVITE that is unsent is taken back. */
inline want_cancel(b) {
  if
  :: br[b].final != 0 || br[b].cancel != none
  :: br[b].final == 0 && out[me]??[INVITE, eval(b), _] -> out[me]??INVITE, eval(b), _; finish(b, 487, true)
  :: else -> br[b].cancel = owed; WHEN(br[b].rang, due(b))
  fi
}

/* O7. openser13 chooses its targets later. */
inline cancel_pending() {
#if STRICT
  for (EACH_BRANCH(i)) { want_cancel(i) }
#else
  wants_cancel = true
#endif
}

/* I13 and section 6, "best response": the smallest rank. */
inline find_best() {
  least = 1 << 30;
  for (EACH_BRANCH(j)) {
    rank = (br[j].final >= 600 -> 0 : br[j].final / 100) * 4;
    if
    :: br[j].final == 401 || br[j].final == 407 || br[j].final == 415 || br[j].final == 420 ||
       br[j].final == 484 -> rank = rank + 1
    :: br[j].final == 487 -> rank = rank + (cancelled_by_caller -> 0 : 3)
    :: br[j].final == 408 || br[j].final == 503 -> rank = rank + 3
    :: else -> rank = rank + 2
    fi;
    rank = (rank * 2 + br[j].made_up) * 1024 + br[j].final;
    WHEN(rank < least, least = rank; other = j)
  }
}

/* O11: the best final goes up once every branch has one. */
inline conclude() {
  other = 0;
  for (EACH_BRANCH(j)) { other = other + (br[j].final == 0) }
  WHEN(server == open && other == 0,
       find_best();
       server = completed;
       x_what = (br[other].final == 503 -> 500 : br[other].final);
       x_who = (br[other].made_up -> NOBODY : other);
       respond(x_what, x_who))
}

inline on_invite() {
  if
  :: server == idle ->
     server = open;
     respond(100, NOBODY);
     for (EACH_BRANCH(i)) { put(INVITE, i) }
  :: server == open || server == completed -> put(last_up, last_who) /* I18 */
  :: else                                                           /* I15 */
  fi
}

/* O11, I12, and 16.10 where there is no INVITE. */
inline on_callers_cancel() {
  if
  :: server == idle -> put(STRAY_CANCEL, 0)
  :: server == open ->
     put(OK_TO_CANCEL, NOBODY);
     cancelled_by_caller = true;
     cancel_pending();
     conclude()
  :: else -> put(OK_TO_CANCEL, NOBODY)
  fi
}

inline on_provisional() {
  WHEN(br[who].final == 0,
       br[who].rang = true;
       WHEN(server == open && what > 100, respond(what, who)); /* I3 */
       WHEN(br[who].cancel == owed, due(who)))
}

inline ack() { put(ACK, who); br[who].acks_due++ }

/* The first copy of a 2xx dialog. */
inline on_new_dialog() {
  if
  :: server == accepted -> verdict = LATE
  :: else -> verdict = (cancelled_by_caller && CANCELLED == terminate -> terminate : relay)
  fi;
  br[who].dialog[tag] = verdict;
  if
  :: verdict == relay && br[who].answered -> put(what, who) /* W18 */
  :: verdict == relay && !br[who].answered ->
     finish(who, what, false);
     put(what, who);
     server = accepted;
     cancel_pending()
  :: verdict != relay ->
     if
     :: br[who].answered
     :: !br[who].answered && server == accepted -> finish(who, what, false)
     :: !br[who].answered && server != accepted -> finish(who, 487, true)
     fi;
     WHEN(verdict == terminate, ack(); put(BYE, who); br[who].byes_due++); /* O14 */
     conclude()
  fi;
  br[who].answered = true
}

/* O13, I4: the copies of a dialog share what became of the first. */
inline on_success() {
  if
  :: br[who].dialog[tag] == none -> on_new_dialog()
  :: br[who].dialog[tag] == relay -> put(what, who)
  :: br[who].dialog[tag] == terminate -> ack()
  :: else
  fi
}

/* O17. */
inline on_failure() {
  ack();
  WHEN(br[who].final == 0,
       finish(who, what, false);
       WHEN(server == open && what >= 600, global_failure = true; cancel_pending());
       conclude())
}

inline decide() {
  d_step {
    commits++;
    if
    :: what == INVITE -> on_invite()
    :: what == CANCEL -> on_callers_cancel()
    :: what >= 100 && what < 200 -> on_provisional()
    :: what >= 200 && what < 300 -> on_success()
    :: what >= 300 -> on_failure()
    :: else /* ANSWER: it ends a timer, nothing else */
    fi;
    what = 0; who = 0; tag = 0
  }
}

/* ---- openser13: the CANCELs of a decision, chosen after it ---- */

inline pick() {
  d_step {
    for (EACH_BRANCH(i)) {
      WHEN(br[i].final == 0 && br[i].rang, seen_ringing = seen_ringing | (1 << i));
      WHEN(br[i].final == 0 && !br[i].rang, seen_quiet = seen_quiet | (1 << i))
    }
  }
}

inline mark() {
  d_step {
    commits++;
    for (EACH_BRANCH(i)) {
      WHEN(br[i].final == 0 && br[i].cancel != sent,
           WHEN((seen_ringing >> i) & 1, due(i));
           WHEN((seen_quiet >> i) & 1, br[i].cancel = owed)) /* W1: it may ring by now */
    };
    wants_cancel = false; seen_ringing = 0; seen_quiet = 0
  }
}

inline choose_cancels() { WHEN(wants_cancel, pick(); mark()) }

/* ---- steps of a worker ---- */

/* One datagram is handed to the kernel. */
inline transmit() {
  d_step {
    out[me]?x_what, x_who, x_number;
    for (i : 0 .. WORKERS - 1) {
      WHEN(i != me && len(out[i]) > 0, out[i]?<_, _, other>; RULE(O5, other > x_number))
    };
    if
    :: x_what >= 100 && x_what < 200 -> RULE(I3, !final_up)
    :: x_what >= 200 && x_what < 300 -> final_up = true; success_up = true
    :: x_what >= 300 ->
       RULE(I2, !final_up);
       for (EACH_BRANCH(i)) { RULE(I13, br[i].final != 0) };
       final_up = true
    :: x_what == INVITE -> RULE(O10, server == open && !cancelled_by_caller && !global_failure)
    :: x_what == CANCEL ->
       RULE(I7, !br[x_who].cancelled);
       RULE(O9, br[x_who].final == 0);
       RULE(O6, success_up || cancelled_by_caller || global_failure);
       br[x_who].cancelled = true
    :: x_what == ACK -> RULE(I10, br[x_who].acks_due > 0); br[x_who].acks_due--
    :: x_what == BYE ->
       RULE(I10, wire_what[wire_count - 1] == ACK && wire_who[wire_count - 1] == x_who);
       RULE(I10, br[x_who].byes_due > 0);
       br[x_who].byes_due--
    :: else
    fi;
    wire_what[wire_count] = x_what;
    wire_who[wire_count] = x_who;
    wire_count++
  }
}

inline flush() {
  do :: len(out[me]) > 0 -> transmit() :: len(out[me]) == 0 -> break od
}

/* What a recvmmsg brings stays at the head of the socket here; `batch` says how many datagrams that are. */
inline receive() {
  d_step { /* from here on its finals are in hand, for every worker that looks */
    batch = (len(socket[me]) < BATCH -> len(socket[me]) : BATCH);
    for (i : 1 .. len(socket[me])) {
      socket[me]?x_what, x_who, x_tag;
      WHEN(i <= batch && x_what >= 200, in_hand[x_who]++);
      socket[me]!x_what, x_who, x_tag
    }
  };
  do
  :: batch > 0 ->
     d_step { /* admit */
       socket[me]?x_what, x_who, x_tag;
       inbox!x_what, x_who, x_tag;
       WHEN(owner == NOBODY, owner = me);
       batch--
     }
  :: batch == 0 -> break
  od
}

/* O9: one more look into the socket before a decision that may cancel. */
inline look_ahead() {
  d_step {
    for (EACH_BRANCH(i)) {
      WHEN(br[i].final == 0 && !(what >= 200 && who == i),
           may_cancel = may_cancel || br[i].cancel == owed || (br[i].cancel == none && br[i].rang))
    };
    may_cancel = may_cancel && what != INVITE && what != ANSWER && (what < 300 || what >= 600)
  };
  WHEN(may_cancel && len(socket[me]) > 0, receive());
  may_cancel = false
}

/* The owner works, flushes and releases, until it is let. */
inline work() {
  do
  :: owner == me ->
     do
     :: atomic { inbox?what, who, tag; WHEN(what >= 200, in_hand[who]--) };
        look_ahead(); decide()
     :: len(inbox) == 0 -> break
     od;
     flush();
     atomic { WHEN(len(inbox) == 0, owner = NOBODY) } /* release */
  :: owner != me -> break
  od
}

proctype Worker(byte me) {
  short what; byte who, tag;
#if STRICT
  byte batch; bool may_cancel;
  do
  :: len(socket[me]) > 0 -> receive(); work()
  :: len(socket[me]) == 0 -> break
  od
#else
  bool wants_cancel; byte seen_ringing, seen_quiet;
  do
  :: socket[me]?what, who, tag -> decide(); choose_cancels(); flush()
  :: len(socket[me]) == 0 -> break
  od
#endif
}

init {
  byte me;
  short what; byte who, tag;
  bool wants_cancel; byte seen_ringing, seen_quiet;
  atomic {
    LOAD_SETUP
    LOAD_RACE
    do
    :: setup?what, who, tag -> decide(); choose_cancels(); flush()
    :: len(setup) == 0 -> break
    od;
    wire_first = wire_count;
    for (me : 0 .. WORKERS - 1) { run Worker(me) }
  };
  _nr_pr == 1;
  d_step { /* at rest */
    RULE(I19, owner == NOBODY && len(inbox) == 0);
    for (EACH_BRANCH(i)) {
      RULE(I8, br[i].final != 0 || br[i].cancelled || (br[i].cancel == owed && !br[i].rang) ||
               !(server == accepted || cancelled_by_caller || global_failure));
      RULE(I10, br[i].acks_due == 0 && br[i].byes_due == 0)
    }
  };
  c_code { report(); }
}
