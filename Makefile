# make run     builds pmtr and shows it at work, without root and without touching the system
# make check   everything that must hold before a change is handed in
# make help    the other targets

CARGO ?= cargo
PREFIX ?= /usr/local
DESTDIR ?=
# How many random worlds `make soak` goes through.
PMTR_SIM_SEEDS ?= 100000
# What `make mutants` is told: --jobs N, --every N, or a word of the titles that are meant.
MUTANTS ?=

# Without these some tests are skipped.
TEST_TOOLS = bash ip mkfifo nft objdump python3 setsid strace unshare vim

RELEASE = $${CARGO_TARGET_DIR:-target}/release
PROGRAMS = pmtr pmtr-ctl pmtr-rptserver
PAGES = pmtr-ctl.1 pmtr.conf.5 pmtr-container.7 pmtr-fleet.7 pmtr.8 pmtr-rptserver.8
MAN = $(PREFIX)/share/man
DOC = $(PREFIX)/share/doc/pmtr

.PHONY: build run check clean soak mutants flood prometheus bench bench-short install uninstall help need-cargo need-lints

build: need-cargo
	$(CARGO) build --release --locked

# Both this shell and pmtr get the ^C: pmtr ends its jobs, and the shell waits for it to tidy up.
run: build
	@dir=$$(mktemp -d "$${TMPDIR:-/tmp}/pmtr-run.XXXXXX") || exit 1; \
	trap : INT TERM; \
	cp examples/tour.conf "$$dir/pmtr.conf"; \
	echo; \
	echo "pmtr runs in the foreground. Its file, which you may edit in another terminal, is"; \
	echo; \
	echo "    $$dir/pmtr.conf"; \
	echo; \
	echo "Saving it applies it: change a command, remove a job, add one, make a mistake."; \
	echo "Or kill a job by the number in brackets. ^C ends pmtr and its jobs."; \
	echo; \
	$(RELEASE)/pmtr -F -c "$$dir/pmtr.conf" --state "$$dir/state"; status=$$?; \
	rm -rf "$$dir"; \
	exit $$status

check: need-lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --all-targets --locked -- -D warnings
	$(CARGO) test --locked
# The child of a spawn is looked at in the machine code, which is that of a release only without these.
	$(CARGO) test --locked --config profile.test.debug-assertions=false --lib sys::
	@for tool in $(TEST_TOOLS); do command -v $$tool >/dev/null 2>&1 || missing="$$missing $$tool"; done; \
	[ -z "$$missing" ] || echo "make check: not installed, so what needs it was skipped:$$missing"
	@[ "$$(id -u)" -eq 0 ] || echo "make check: not root, so what needs root was skipped"
	@echo "make check: all is well"

clean: need-cargo
	$(CARGO) clean

soak: need-cargo
	PMTR_SIM_SEEDS=$(PMTR_SIM_SEEDS) $(CARGO) test --locked --test sim

mutants: need-cargo
	sh tests/mutants.sh $(MUTANTS)

# A million datagrams of rubbish while jobs die.
flood: need-cargo
	PMTR_FLOOD=1000000 $(CARGO) test --locked --release --test it flood -- --nocapture

# Needs prometheus, promtool and prometheus-node-exporter.
prometheus: build
	python3 tests/prometheus.py "$(RELEASE)"

bench: need-cargo
	$(CARGO) bench --locked --bench parse
	$(CARGO) bench --locked --bench daemon
	$(CARGO) bench --locked --bench fleet

bench-short: need-cargo
	$(CARGO) bench --locked --bench parse
	$(CARGO) bench --locked --bench daemon -- --short
	$(CARGO) bench --locked --bench fleet -- --short

# Nothing but copying, so that it may run as root after a build as somebody else.
install:
	@for program in $(PROGRAMS); do test -x "$(RELEASE)/$$program" || { \
	echo "make install: run make build first, as an ordinary user" >&2; exit 1; }; done
	mkdir -p "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(DOC)/prometheus"
	for program in $(PROGRAMS); do \
	install -m 755 "$(RELEASE)/$$program" "$(DESTDIR)$(PREFIX)/bin/$$program" || exit 1; done
	for page in $(PAGES); do dir="$(DESTDIR)$(MAN)/man$${page##*.}"; mkdir -p "$$dir" && \
	install -m 644 "man/$$page" "$$dir/$$page" || exit 1; done
	install -m 644 pmtr.conf.example "$(DESTDIR)$(DOC)/pmtr.conf.example"
	install -m 644 examples/prometheus/pmtr.rules.yml "$(DESTDIR)$(DOC)/prometheus/pmtr.rules.yml"

uninstall:
	for program in $(PROGRAMS); do rm -f "$(DESTDIR)$(PREFIX)/bin/$$program"; done
	for page in $(PAGES); do rm -f "$(DESTDIR)$(MAN)/man$${page##*.}/$$page"; done
	rm -f "$(DESTDIR)$(DOC)/pmtr.conf.example" "$(DESTDIR)$(DOC)/prometheus/pmtr.rules.yml"
	rmdir "$(DESTDIR)$(DOC)/prometheus" "$(DESTDIR)$(DOC)" 2>/dev/null || true

# Programs that need nothing else in the root, and the root of an image made of them.
STATIC = $${CARGO_TARGET_DIR:-target}/static

.PHONY: static container-root

static: need-cargo
	CARGO="$(CARGO)" sh packaging/container/static.sh "$(STATIC)"

container-root: static
	@test -n "$(DESTDIR)" || { echo "make container-root: give it DESTDIR=" >&2; exit 1; }
	sh packaging/container/root.sh "$(STATIC)" "$(DESTDIR)"

help:
	@echo "make build        the programs, in target/release"
	@echo "make run          pmtr at work on an example, ended by ^C"
	@echo "make check        format, lints as errors, all tests"
	@echo "make soak         many random worlds, PMTR_SIM_SEEDS=$(PMTR_SIM_SEEDS)"
	@echo "make mutants      whether the tests notice mistakes that are put in, MUTANTS='--jobs 2'"
	@echo "make flood        a million datagrams of rubbish while jobs die"
	@echo "make prometheus   reports through node-exporter into a real Prometheus"
	@echo "make bench        measurements, several minutes; make bench-short takes fewer samples"
	@echo "make install      into DESTDIR and PREFIX=$(PREFIX)"
	@echo "make uninstall    the same files away again"
	@echo "make static       programs without a need for a C library, in target/static"
	@echo "make container-root  the root of an image that has pmtr only, into DESTDIR"
	@echo "make clean        everything that was built away again"

need-cargo:
	@command -v $(CARGO) >/dev/null 2>&1 || { \
	echo "make: $(CARGO) is missing. Install Rust 1.89 or later: https://rustup.rs" >&2; exit 1; }

need-lints: need-cargo
	@$(CARGO) fmt --version >/dev/null 2>&1 || { \
	echo "make: rustfmt is missing. Try: rustup component add rustfmt" >&2; exit 1; }
	@$(CARGO) clippy --version >/dev/null 2>&1 || { \
	echo "make: clippy is missing. Try: rustup component add clippy" >&2; exit 1; }
