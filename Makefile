# lockstep: every target. `make help` lists them; output goes to build/ (or BUILD=folder).
# Sources are found by wildcard: a new file in a folder named below is built without a change here.

BUILD ?= build
# As many jobs as there are processors; JOBS=1 for one after the other.
JOBS ?= $(shell nproc)
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(JOBS)
endif
CXX = g++
CCACHE := $(shell command -v ccache 2>/dev/null)
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wswitch-enum -Werror
CXXFLAGS ?= -O2 -g
# One set of flags for the server, its modules and the tests, so that each file is compiled once.
ALL_CXXFLAGS = -std=c++20 $(CXXFLAGS) $(WARNINGS) -fPIC -fno-omit-frame-pointer -pthread -I. $(SANITIZE)
COMPILE = $(CCACHE) $(CXX) $(ALL_CXXFLAGS) $(INSTRUMENT) -MMD -MP
LINK = $(CXX) $(ALL_CXXFLAGS) $(LDFLAGS)

CORE_AREAS = core/base core/sip core/transaction shm core/net core/script core/order core/worker core/explore
MODULES := $(notdir $(patsubst %/,%,$(dir $(wildcard modules/*/*.cc))))
MODULES := $(sort $(MODULES))
TEST_PROGRAMS = process order explore call
LIBRARIES = -levent_core -lpcre2-8 -lfmt -lssl -lcrypto -ldl -lrt

# Areas of the unit tests are the folders of test/unit that hold any; each has a binary.
UNIT_AREAS := base sip transaction shm net script order worker
UNIT_AREAS := $(foreach a,$(UNIT_AREAS),$(if $(wildcard test/unit/$(if $(filter shm,$a),shm,core/$a)/*_test.cc),$a))
UNIT_MODULES := $(foreach m,$(MODULES),$(if $(wildcard test/unit/modules/$m/*_test.cc),$m))
PROGRAMS := $(foreach t,$(TEST_PROGRAMS),$(if $(wildcard test/$t/*_test.cc),$t))
FUZZERS := $(patsubst test/fuzz/%.cc,%,$(wildcard test/fuzz/*.cc))

objects = $(patsubst %.cc,$(BUILD)/obj/%.o,$(1))
CORE_SOURCES := $(wildcard $(CORE_AREAS:%=%/*.cc))
CORE_OBJECTS := $(call objects,$(CORE_SOURCES))
HARNESS_OBJECTS := $(call objects,$(wildcard test/harness/*.cc))
RUNNER = $(BUILD)/obj/test/unit/main.o
MODULE_FILES := $(MODULES:%=$(BUILD)/modules/%.so)
SERVER := $(if $(wildcard core/main.cc),$(BUILD)/lockstep $(MODULE_FILES))
UNIT_BINARIES := $(UNIT_AREAS:%=$(BUILD)/test/unit-%) $(UNIT_MODULES:%=$(BUILD)/test/unit-modules-%)
SOURCES := $(CORE_SOURCES) $(wildcard core/main.cc modules/*/*.cc test/harness/*.cc test/unit/*.cc \
  test/explore/audit/*.cc \
  test/bench/*.cc test/points/*.cc test/repro/*.cc test/fuzz/*.cc $(TEST_PROGRAMS:%=test/%/*.cc) \
  $(UNIT_AREAS:%=test/unit/core/%/*.cc) test/unit/shm/*.cc $(UNIT_MODULES:%=test/unit/modules/%/*.cc))
HEADERS := $(wildcard $(CORE_AREAS:%=%/*.h) modules/*/*.h test/harness/*.h $(TEST_PROGRAMS:%=test/%/*.h) \
  test/unit/*/*.h test/unit/*/*/*.h test/bench/*.h test/repro/*.h)
RUN_TESTS = BUILD=$(BUILD) scripts/run_tests

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: help deps all run test check unit unit-% order process explore call \
  headers tidy asan ubsan mutants audit bench repro storm \
  fuzz format lint install clean

help: ## list the targets
	@awk -F ":.*## " '/^[a-z][a-z%-]*:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

deps: ## install what building needs (as root), or name it
	@scripts/deps build

all: $(SERVER) ## build the server and its modules

run: deps ## build and serve etc/lockstep.cfg on loopback, in the foreground
	@$(MAKE) --no-print-directory all
	@$(BUILD)/lockstep -DD -E -f etc/lockstep.cfg -L $(BUILD)/modules

test: ## everything CI runs; the last line is `N passed, N failed`
	@scripts/deps test
	@$(MAKE) --no-print-directory test-built

.PHONY: test-built
TEST_BINARIES = $(UNIT_BINARIES) $(FUZZERS:%=$(BUILD)/test/fuzz-%) $(PROGRAMS:%=$(BUILD)/test/%)
test-built: tidy headers all $(BUILD)/test/repro $(TEST_BINARIES)
	@$(RUN_TESTS) $(TEST_BINARIES)

check: tidy headers $(UNIT_BINARIES) $(if $(filter order,$(PROGRAMS)),$(BUILD)/test/order) ## tidy, headers, unit and order tests: under a minute
	@$(RUN_TESTS) $(UNIT_BINARIES) $(if $(filter order,$(PROGRAMS)),$(BUILD)/test/order)

unit: $(UNIT_BINARIES) ## unit tests; one area: make unit-sip, make unit-modules-tm
	@$(RUN_TESTS) $(UNIT_BINARIES)

unit-%: $(BUILD)/test/unit-%
	@$(RUN_TESTS) $<

order process call: %: all ## tests of the shipped server: make process, make call
	@$(if $(filter $@,$(PROGRAMS)),$(MAKE) --no-print-directory $(BUILD)/test/$@ && $(RUN_TESTS) $(BUILD)/test/$@,echo "test/$@ holds no tests")

headers: $(HEADERS:%=$(BUILD)/headers/%.ok) ## compile each header alone

tidy: ## style rules: sizes, layers, libraries, banned words, orphans
	@scripts/tidy $(SOURCES)

asan: ## unit tests under AddressSanitizer
	@$(MAKE) --no-print-directory unit BUILD=$(BUILD)/asan CXXFLAGS="-O1 -g" \
	  SANITIZE="-fsanitize=address"

ubsan: ## unit tests under UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory unit BUILD=$(BUILD)/ubsan CXXFLAGS="-O1 -g" \
	  SANITIZE="-fsanitize=undefined -fno-sanitize-recover=undefined"

mutants: $(BUILD)/mutants/lockstep $(MODULE_FILES) ## each invariant broken on purpose, and caught by the explorer
	@$< explore --mutations test/explore/scenarios/*.scenario --cpus $(JOBS) -L $(BUILD)/modules

# Objects with the calls of -fsanitize=thread, linked with our own runtime instead of libtsan.
AUDIT_INSTRUMENT = -fsanitize=thread -Wno-tsan --param tsan-instrument-func-entry-exit=0 \
  -fno-builtin-memcpy -fno-builtin-memmove -fno-builtin-memset -fno-builtin-memcmp -mstringop-strategy=libcall
AUDIT_LINK = $(addprefix -Wl$(comma)--wrap=,memcpy memmove memset memcmp memchr recvmmsg sendmmsg)
comma = ,
audit: ## every access of the explorer's workers to the segment, against what the points declare
	@scripts/deps build
	@$(MAKE) --no-print-directory $(BUILD)/audit/lockstep $(addprefix $(BUILD)/audit/modules/,tm.so usrloc.so registrar.so) BUILD=$(BUILD)/audit CXXFLAGS="-O1 -g" LDFLAGS="$(AUDIT_LINK)" \
	  INSTRUMENT="$(AUDIT_INSTRUMENT)" RUNTIME="$(BUILD)/audit/obj/test/explore/audit/runtime.o"
	@BUILD=$(BUILD) scripts/audit

bench: ## what dormant schedule points cost; side by side with Debian's kamailio: CPU per call and per REGISTER
	@scripts/deps bench
	@$(MAKE) --no-print-directory all $(BUILD)/test/bench $(BUILD)/test/points
	@$(BUILD)/test/points
	@BUILD=$(BUILD) $(BUILD)/test/bench

EXPLORE = $(BUILD)/lockstep explore --cpus $(JOBS) -L $(BUILD)/modules
SCENARIO_FOLDER = test/explore/scenarios
SCENARIOS = $(wildcard $(SCENARIO_FOLDER)/*.scenario)
explore: ## every order of every scenario, every death, what openser13 shows: under ten minutes
	@scripts/deps build
	@$(MAKE) --no-print-directory all
	@echo "strict: every order"
	@$(EXPLORE) --policy all $(SCENARIOS)
	@$(EXPLORE) --policy all --cancelled terminate $(SCENARIOS)
	@echo && echo "strict: every order, with a third phone that is silent"
	@$(EXPLORE) --branches 3 $(SCENARIOS)
	@echo && echo "strict: every order of what is large"
	@$(EXPLORE) --policy terminate $(wildcard test/explore/large/*.scenario)
	@echo && echo "strict: pairs of windows; of those with very many orders the first, and random ones"
	@$(EXPLORE) --pairs --limit 400 $(filter-out $(wildcard $(SCENARIO_FOLDER)/w*-*),$(wildcard $(SCENARIO_FOLDER)/w*))
	@echo && echo "strict: every death in every order"
	@$(EXPLORE) --crash --policy terminate $(filter-out %timer-c.scenario %timer-g.scenario %w1-w8.scenario,$(SCENARIOS))
	@echo && echo "openser13: what is to be found, in the shortest schedule"
	@$(EXPLORE) --ordering openser13 $(foreach w,W1 W2 W3 W4 W5 W8 W21 ticket,--expect $(w)) $(SCENARIOS)

repro: ## OpenSER bug 2037070 on the real server: openser13, then strict with each policy
	@scripts/deps build
	@$(MAKE) --no-print-directory all $(BUILD)/test/repro
	@BUILD=$(BUILD) $(BUILD)/test/repro

STORM_SECONDS ?= 60
storm: ## calls and registrations while workers are killed every 50 ms, for STORM_SECONDS (default 60)
	@scripts/deps test
	@$(MAKE) --no-print-directory all $(BUILD)/test/call
	@BUILD=$(BUILD) STORM_SECONDS=$(STORM_SECONDS) $(BUILD)/test/call StormTest

FUZZ_SECONDS ?= 20
fuzz: ## each libFuzzer target for FUZZ_SECONDS (default 20)
	@scripts/deps fuzz
	@$(MAKE) --no-print-directory $(FUZZERS:%=$(BUILD)/fuzz/%)
	@for target in $(FUZZERS); do mkdir -p $(BUILD)/corpus/$$target && \
	  $(BUILD)/fuzz/$$target -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
	    $(BUILD)/corpus/$$target $$(ls -d test/fuzz/corpus/$$target 2>/dev/null) || exit 1; done

format: ## clang-format every source in place
	@scripts/deps lint
	@clang-format -i $(SOURCES) $(HEADERS)

lint: ## clang-tidy and cppcheck
	@scripts/deps lint
	@cppcheck --quiet --std=c++20 --language=c++ -I. --enable=warning,performance,portability \
	  --inline-suppr --suppress=missingIncludeSystem --error-exitcode=1 $(CORE_SOURCES)
	@clang-tidy --quiet --checks='bugprone-*,-bugprone-easily-swappable-parameters,performance-*' \
	  $(CORE_SOURCES) -- -std=c++20 -I.

PREFIX ?= /usr/local
install: all ## install under PREFIX (default /usr/local); keeps an existing configuration
	install -D -m 755 $(BUILD)/lockstep $(DESTDIR)$(PREFIX)/sbin/lockstep
	install -D -m 755 scripts/lockstepctl $(DESTDIR)$(PREFIX)/sbin/lockstepctl
	install -d $(DESTDIR)$(PREFIX)/lib/lockstep/modules $(DESTDIR)/etc/lockstep
	install -m 644 $(MODULE_FILES) $(DESTDIR)$(PREFIX)/lib/lockstep/modules/
	for file in etc/*.cfg; do test -e $(DESTDIR)/etc/lockstep/$${file##*/} || \
	  install -m 644 $$file $(DESTDIR)/etc/lockstep/; done

clean: ## remove build/
	rm -rf $(BUILD)

# --- Rules -------------------------------------------------------------------------------------

$(BUILD)/obj/%.o: %.cc
	@mkdir -p $(@D)
	@echo "  CXX   $<"
	@$(COMPILE) -c $< -o $@

# The core archive: a test links only what it uses of it.
$(BUILD)/lib/core.a: $(CORE_OBJECTS)
	@mkdir -p $(@D)
	@rm -f $@
	@ar rcs $@ $^

$(RUNTIME): override INSTRUMENT =

# Modules call the core through symbols of the executable: all of its objects, exported. What is linked
# takes its name at the end, so that a server that runs from build/ keeps the file it has mapped.
$(BUILD)/lockstep: $(BUILD)/obj/core/main.o $(CORE_OBJECTS) $(RUNTIME)
	@echo "  LINK  $@"
	@$(LINK) -rdynamic $^ $(LIBRARIES) -o $@.new && mv $@.new $@

define module_rule
$(BUILD)/modules/$(1).so: $(call objects,$(wildcard modules/$(1)/*.cc))
	@mkdir -p $$(@D)
	@echo "  LINK  $$@"
	@$(LINK) -shared $$^ -o $$@.new && mv $$@.new $$@
endef
$(foreach m,$(MODULES),$(eval $(call module_rule,$(m))))

# One binary per area, from that area's tests and the areas of its own layer and below: a folder
# that does not compile today stops the tests of the layers above it, and no others.
NEEDS_base = base
NEEDS_sip = base sip
NEEDS_transaction = base transaction
NEEDS_shm = base sip transaction shm
NEEDS_net = base sip net
NEEDS_script = base sip script
NEEDS_order = base sip transaction shm order
NEEDS_worker = base sip transaction shm net script worker
folder_of = $(if $(filter shm,$(1)),shm,core/$(1))
define unit_rule
$(BUILD)/test/unit-$(1): $(call objects,$(wildcard test/unit/$(call folder_of,$(1))/*.cc)) $(RUNNER) \
  $(foreach n,$(NEEDS_$(1)),$(call objects,$(wildcard $(call folder_of,$(n))/*.cc))) \
  $(if $(filter transaction,$(1)),$(BUILD)/obj/core/explore/order_checker.o)
	@mkdir -p $$(@D)
	@echo "  LINK  $$@"
	@$(LINK) -rdynamic $$^ -lcppunit $(LIBRARIES) -o $$@
endef
$(foreach a,$(UNIT_AREAS),$(eval $(call unit_rule,$(a))))
# Its tests load the built modules for the built-in default configuration.
$(BUILD)/test/unit-worker: | $(MODULE_FILES)

# A module's tests link the module beside the whole core; modules never meet in one binary.
define unit_module_rule
$(BUILD)/test/unit-modules-$(1): $(call objects,$(wildcard test/unit/modules/$(1)/*.cc modules/$(1)/*.cc)) \
  $(RUNNER) $(BUILD)/lib/core.a
	@mkdir -p $$(@D)
	@echo "  LINK  $$@"
	@$(LINK) -rdynamic $$^ -lcppunit $(LIBRARIES) -o $$@
endef
$(foreach m,$(UNIT_MODULES),$(eval $(call unit_module_rule,$(m))))

define program_rule
$(BUILD)/test/$(1): $(call objects,$(wildcard test/$(1)/*.cc)) $(HARNESS_OBJECTS) $(RUNNER) \
  $(if $(filter call,$(1)),,$(CORE_OBJECTS)) \
  $(if $(filter order,$(1)),$(BUILD)/obj/test/unit/core/worker/engine_fixture.o) | \
  $(if $(filter call,$(1)),$(BUILD)/test/repro)
	@mkdir -p $$(@D)
	@echo "  LINK  $$@"
	@$(LINK) -rdynamic $$^ -lcppunit $(LIBRARIES) -o $$@
endef
$(foreach t,$(PROGRAMS),$(eval $(call program_rule,$(t))))

$(BUILD)/test/repro: $(call objects,$(wildcard test/repro/*.cc)) $(HARNESS_OBJECTS) $(CORE_OBJECTS)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(LINK) $^ $(LIBRARIES) -o $@

$(BUILD)/test/points: $(BUILD)/obj/test/points/points.o $(CORE_OBJECTS)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(LINK) -rdynamic $^ $(LIBRARIES) -o $@

$(BUILD)/test/bench: $(call objects,$(wildcard test/bench/*.cc)) $(HARNESS_OBJECTS)
	@mkdir -p $(@D)
	@$(LINK) $^ -lfmt -o $@

# What can break itself (core/base/mutation.h): only the files that include that header are compiled again.
MUTATED_SOURCES := $(shell grep -l '"core/base/mutation.h"' $(CORE_SOURCES))
MUTATED_OBJECTS := $(MUTATED_SOURCES:%.cc=$(BUILD)/mutants/obj/%.o)
$(BUILD)/mutants/obj/%.o: %.cc
	@mkdir -p $(@D)
	@echo "  CXX   $< (mutants)"
	@$(COMPILE) -DLOCKSTEP_MUTATIONS -c $< -o $@

$(BUILD)/mutants/lockstep: $(BUILD)/obj/core/main.o $(MUTATED_OBJECTS) \
  $(filter-out $(call objects,$(MUTATED_SOURCES)),$(CORE_OBJECTS))
	@echo "  LINK  $@"
	@$(LINK) -rdynamic $^ $(LIBRARIES) -o $@.new && mv $@.new $@

# Its tests run both servers.
$(BUILD)/test/explore: | $(SERVER) $(BUILD)/mutants/lockstep

$(BUILD)/headers/%.ok: %
	@mkdir -p $(@D)
	@echo '#include "$<"' > $(BUILD)/headers/$*.cc
	@$(COMPILE) -MT $@ -MF $(BUILD)/headers/$*.d -c $(BUILD)/headers/$*.cc -o $(BUILD)/headers/$*.o
	@touch $@

# Fuzz targets: by libFuzzer (`make fuzz`), and their corpus with a fixed set of damages in `make test`.
FUZZED_SOURCES := $(wildcard core/base/*.cc core/sip/*.cc core/script/*.cc)
$(BUILD)/test/fuzz-%: $(BUILD)/obj/test/fuzz/%.o $(BUILD)/obj/test/unit/fuzz_main.o $(BUILD)/lib/fuzzed.a
	@mkdir -p $(@D)
	@$(LINK) $^ $(LIBRARIES) -o $@

$(BUILD)/lib/fuzzed.a: $(call objects,$(FUZZED_SOURCES))
	@mkdir -p $(@D)
	@rm -f $@
	@ar rcs $@ $^

FUZZ_FLAGS = -std=c++20 -O1 -g -I. -fsanitize=address,undefined
$(BUILD)/fuzz/obj/%.o: %.cc
	@mkdir -p $(@D)
	@$(CCACHE) clang++ $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c $< -o $@
$(BUILD)/fuzz/%: $(BUILD)/fuzz/obj/test/fuzz/%.o $(FUZZED_SOURCES:%.cc=$(BUILD)/fuzz/obj/%.o)
	@clang++ $(FUZZ_FLAGS) -fsanitize=fuzzer $^ $(LIBRARIES) -o $@

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
