# One command per chore; `make help` lists them. Meson and the scripts in .ci do the work.

# Debian's own Meson if it is installed, whichever Python comes first on PATH.
MESON := $(firstword $(wildcard /usr/bin/meson) meson)
PYTHON := $(firstword $(wildcard /usr/bin/python3) python3)

# The address that `make server` listens on and `make client` calls. ARGS adds flags for them.
ADDRESS ?= 127.0.0.1:50051
ARGS ?=

SOURCES = $(shell find $(wildcard lib apps tests benchmarks docs) -name '*.cc' -o -name '*.h')

# A new build directory is for clang 19, through ccache if it is installed, unless CXX names another compiler.
ccache = $(if $(shell command -v ccache),--native-file .ci/ccache.ini)
compiler = $(if $(filter default undefined,$(origin CXX)),--native-file .ci/clang.ini $(ccache))
# More options for Meson, for new and existing build directories: SETUP=-Dwerror=true.
SETUP ?=
# $(call configure,<build directory>,<options>) sets a build directory up once; Meson notices later changes itself.
configure = @if ! test -f $(1)/build.ninja; then $(MESON) setup $(1) $(compiler) $(2) $(SETUP); \
  elif test -n "$(SETUP)"; then $(MESON) configure $(1) $(SETUP); fi
# Builds everything first: `meson test` alone builds only what the tests name, and the install test needs the rest too.
run_tests = ninja -C $(1) && $(MESON) test -C $(1) --no-rebuild --print-errorlogs $(2) $(ARGS)

# The sanitizers run the suites that find most for their time. Findings have lines, but not the variables of an unoptimized
# build. Of other people's programs only those that test grpcd run, since the rest use the same code. ThreadSanitizer runs only
# the suites with threads.
sanitizer_suites = base signer reactor rpc telemetry grpcd
run_suites = $(MESON) test -C $(1) --timeout-multiplier 3 --print-errorlogs $(addprefix --suite=,$(sanitizer_suites) $(2)) $(ARGS)
sanitized = -Dbenchmarks=false -Dbuildtype=plain -Db_ndebug=false '-Dcpp_args=-g1 -D_GLIBCXX_ASSERTIONS' -Db_lundef=false

# Tests run against the optimized code with its assertions, in build-test/. The product in build/ leaves them out.
asserting = -Db_ndebug=false -Dcpp_args=-D_GLIBCXX_ASSERTIONS

.DEFAULT_GOAL := help
.PHONY: help
help:  ## List the chores
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup build server stop-server client example install uninstall dist deb deb-again image clean
setup:  ## Install missing packages of the distribution (apt-get, with sudo when not root)
	@.ci/setup build test lint

build: configured  ## Build the library and the programs, optimized, in build/
	ninja -C build product

# One PID file per address. A server that finds its address in use must not overwrite the file of the running one.
pid_file = build/grpcd-$(subst /,_,$(ADDRESS)).pid
running = PATH=$$PATH:/sbin start-stop-daemon --pidfile '$(pid_file)' --name grpcd
server: configured  ## Build grpcd and serve on 127.0.0.1:50051, or ADDRESS=host:port; Ctrl-C or stop-server stops it
	ninja -C build apps/grpcd
	@$(running) --status || echo $$$$ > $(pid_file); exec build/apps/grpcd --listen $(ADDRESS) $(ARGS)

stop-server:  ## Drain and stop the server that `make server` started on that address
	@$(running) --stop --quiet --retry TERM/60 || echo 'no server from this directory runs on $(ADDRESS)'

client: configured  ## Build grpcclient and run its demo against grpcd on 127.0.0.1:50051, or ADDRESS=host:port
	@ninja -C build apps/grpcclient
	@build/apps/grpcclient demo $(ADDRESS) $(ARGS)

example: configured  ## Build and run an example, NAME=streams; docs/examples/README.md lists them
	@test -n "$(NAME)" || { echo 'Name an example: make example NAME=streams. docs/examples/README.md lists them.' >&2; exit 2; }
	ninja -C build docs/$(NAME)
	@cd build/docs && ./$(NAME) $(ARGS)

install: build  ## Install programs, library and headers (respects DESTDIR)
	$(MESON) install -C build --no-rebuild

uninstall:  ## Remove what `make install` has installed
	ninja -C build uninstall

# git gives each file the time of the commit, so the same commit gives the same bytes.
version = $(shell sed -n "s/^  version: '\(.*\)',/\1/p" meson.build | head -n 1)
DIST ?= build-dist
dist:  ## Pack the sources of this commit: build-dist/ringrpc-VERSION.tar.xz and its SHA-256
	@mkdir -p '$(DIST)'
	git archive --prefix=ringrpc-$(version)/ HEAD | xz -9 -T1 > '$(DIST)/ringrpc-$(version).tar.xz'
	@cd '$(DIST)' && sha256sum ringrpc-$(version).tar.xz | tee ringrpc-$(version).tar.xz.sha256

DEB ?= build-deb
deb:  ## Build the Debian packages of this commit: build-deb/*.deb; the suite packages tests them
	@.ci/setup build deb
	@.ci/deb '$(DEB)'

deb-again: deb  ## Build them twice, in different folders, and compare their bytes
	@.ci/deb '$(DEB)-again'
	@for package in '$(DEB)'/*.deb '$(DEB)'/*.dsc '$(DEB)'/*.json; do cmp "$$package" "$(DEB)-again/$${package##*/}" || exit; done
	@rm -rf '$(DEB)-again'
	@echo 'The packages have the same bytes.'

image: deb  ## Make a container image of the packages, and a seccomp profile for io_uring: build-image/
	@.ci/setup image
	@.ci/image '$(DEB)' build-image

clean:  ## Remove all build directories
	rm -rf build build-test build-asan build-tsan build-checked build-coverage build-fuzz build-dist build-deb build-deb-again build-image \
	  build-debian13

collector: tested  ## Build the OpenTelemetry Collector for the tests of traces, which are skipped without it
	cd tests/interop && PYTHONPATH='$(CURDIR)/benchmarks' TOOLS_DIR='$(CURDIR)/build-test/tools' RINGRPC_BUILD_ALL=1 $(PYTHON) -B -c 'import otlp; otlp.collector()'

.PHONY: test asan tsan checked debian13 fuzz coverage h2spec interop guest without-io-uring soak
test: tested  ## Build and run all tests, in build-test/; ARGS go to `meson test` (ARGS='--suite http2')
	@.ci/setup test docs
	$(call run_tests,build-test)

asan:  ## Run the tests with AddressSanitizer and UndefinedBehaviorSanitizer, in build-asan/
	@.ci/setup build test sanitize
	$(call configure,build-asan,$(sanitized) -Db_sanitize=address$(comma)undefined)
	$(call run_suites,build-asan,transport http1 http2 observe admin plugin services testing apps fuzz)

tsan:  ## Run the tests that use threads with ThreadSanitizer, in build-tsan/
	@.ci/setup build test sanitize
	$(call configure,build-tsan,$(sanitized) -Db_sanitize=thread)
	$(call run_suites,build-tsan,admin observe testing)

# A build that finds what the others do not: a source that leaves out an include, or an assertion without the function it calls.
checked_options = -Dbuildtype=plain -Dusdt=disabled -Dunity=off -Db_ndebug=false -Dwerror=true -Dcpp_args=-O0
checked:  ## Compile each source by itself, with assertions and without probes, in build-checked/
	@.ci/setup build test docs
	$(call configure,build-checked,$(checked_options))
	ninja -C build-checked

debian13:  ## Build, test and install this commit on a bare Debian 13, in build-debian13/; needs root
	@.ci/setup debian
	@.ci/debian13 build-debian13 '$(checked_options)'

SECONDS ?= 60
fuzz:  ## Fuzz each target for a minute, or SECONDS=3600, in build-fuzz/; ARGS go to tests/fuzz/fuzz.py: targets, or --planted to look for planted faults
	@.ci/setup build test
	$(call configure,build-fuzz,-Dbenchmarks=false -Dfuzz=true -Dbuildtype=plain -Db_ndebug=false '-Dcpp_args=-O1 -g1' -Db_lundef=false -Db_sanitize=address$(comma)undefined)
	ninja -C build-fuzz fuzz-targets
	$(PYTHON) -B tests/fuzz/fuzz.py build-fuzz --seconds $(SECONDS) $(ARGS)

coverage:  ## Measure the tests' line coverage: build-coverage/meson-logs/coveragereport/index.html
	@.ci/setup build test coverage
	$(call configure,build-coverage,-Dbenchmarks=false -Dbuildtype=debug -Db_coverage=true)
	$(call run_tests,build-coverage)
	PATH=/usr/lib/llvm-19/bin:$$PATH ninja -C build-coverage coverage-text coverage-html
	@tail -n 3 build-coverage/meson-logs/coverage.txt

interop: tested  ## Run only the tests against other implementations (gRPC's interop cases, connectconformance, h2spec, ...)
	$(call run_tests,build-test,--suite interop)

guest: tested  ## Run only the tests of vsock and both backends on Debian's kernel in a virtual machine (QEMU)
	@.ci/setup test guest
	$(call run_tests,build-test,--suite guest)

without-io-uring: tested  ## Run all tests twice on epoll: io_uring forbidden by a seccomp filter, then hidden
	@.ci/setup test
	$(call run_tests,build-test,--wrapper '$(CURDIR)/build-test/tests/without_io_uring EPERM')
	$(call run_tests,build-test,--wrapper '$(CURDIR)/build-test/tests/without_io_uring ENOSYS')

soak: tested  ## Run only the soak tests: 10,000 calls over one and over as many connections, by gRPC's Go client and ours
	$(call run_tests,build-test,--suite soak)

h2spec: tested  ## Run only the HTTP/2 conformance tests against grpcd
	$(call run_tests,build-test,h2spec)

.PHONY: api
api: configured  ## Generate docs/api.md from the comments in the .proto files
	ninja -C build docs/api-page
	build/docs/api-page proto > build/api.md && mv build/api.md docs/api.md

.PHONY: reference
reference: configured  ## Write the API reference of the public headers: build/docs/reference/html/index.html
	@.ci/setup docs
	ninja -C build reference

.PHONY: format format-check lint
format:  ## Format the sources with clang-format
	@.ci/setup lint
	@clang-format-19 -i $(SOURCES)

format-check:  ## Fail if `make format` would change something
	@.ci/setup lint
	@clang-format-19 --dry-run --Werror $(SOURCES)

lint: tested  ## Check the sources with clang-tidy; any finding fails
	@.ci/setup lint
	ninja -C build-test
	@.ci/lint build-test

# Each starts and stops its own grpcd. ARGS go to grpcbench after the flags given here.
load = ninja -C build apps/grpcd apps/grpcbench && \
  $(PYTHON) -B benchmarks/load.py --grpcd build/apps/grpcd --grpcbench build/apps/grpcbench $(2) -- $(1) $(ARGS)

.PHONY: benchmark benchmark-light benchmark-medium benchmark-heavy benchmark-tcp benchmark-vsock
.PHONY: benchmark-latency benchmark-throughput
benchmark: configured  ## Run grpcbench with 10 connections for 30 s; ARGS go to grpcbench (ARGS='--report report.html')
	@$(call load,--connections 10 --duration 30s)

benchmark-light: configured  ## Run it for 5 s
	@$(call load,--connections 10 --duration 5s)

benchmark-medium: configured  ## Run it with 50 connections for 10 s
	@$(call load,--connections 50 --duration 10s)

benchmark-heavy: configured  ## Run it with 100 connections for 15 s
	@$(call load,--connections 100 --duration 15s)

benchmark-tcp: configured  ## Run it with 10 connections over TCP for 10 s
	@$(call load,--transport tcp --connections 10 --duration 10s)

benchmark-vsock: configured  ## The same over vsock, which needs the kernel module vsock_loopback
	@$(call load,--transport vsock --connections 10 --duration 10s,--vsock)

benchmark-latency: configured  ## Measure latency: 2000 calls a second on schedule for 10 s
	@$(call load,--rate 2000 --spacing poisson --warmup 1s --duration 10s)

benchmark-throughput: configured  ## Measure throughput: 10 connections with 10 calls in flight each for 10 s
	@$(call load,--connections 10 --streams 10 --warmup 1s --duration 10s)

.PHONY: benchmark-peers benchmark-micro benchmark-transports benchmark-streams benchmark-signing benchmark-layers
benchmark-peers: configured  ## Compare with tonic, grpc-go, grpc++ and nghttpd, and check the performance goals
	@.ci/setup test
	ninja -C build apps/grpcd apps/grpcbench benchmarks/traced-echo benchmarks/valgrind-wait.so \
	  benchmarks/streams/stream-server benchmarks/streams/stream-load benchmark-peers
	$(PYTHON) -B benchmarks/peers.py --build build $(ARGS)

benchmark-micro: configured  ## Measure instructions and CPU per call and memory per idle connection, beside nghttpd, and check the costs
	@.ci/setup test
	ninja -C build apps/grpcd benchmarks/traced-echo benchmarks/scrape-bench benchmarks/valgrind-wait.so
	$(PYTHON) -B benchmarks/unary_echo.py --grpcd build/apps/grpcd --traced-echo build/benchmarks/traced-echo \
	  --scrape-bench build/benchmarks/scrape-bench --valgrind-wait build/benchmarks/valgrind-wait.so $(ARGS)

benchmark-transports: configured  ## Compare CPU per call, throughput and latency over TCP, unix sockets, vsock and TLS
	ninja -C build apps/grpcd apps/grpcbench
	$(PYTHON) -B benchmarks/transports.py --grpcd build/apps/grpcd --grpcbench build/apps/grpcbench $(ARGS)

benchmark-streams: configured  ## Measure messages a second and CPU per message in streams, beside unary calls
	ninja -C build benchmarks/streams/stream-server benchmarks/streams/stream-load
	$(PYTHON) -B benchmarks/streams.py --server build/benchmarks/streams/stream-server \
	  --load build/benchmarks/streams/stream-load $(ARGS)

benchmark-signing: configured  ## Measure signatures a second, beside `openssl speed`, and echo latency during signing
	ninja -C build apps/grpcd apps/grpcbench
	$(PYTHON) -B benchmarks/signing.py --grpcd build/apps/grpcd --grpcbench build/apps/grpcbench $(ARGS)

layers = reactor http2-session rpc-codec
benchmark-layers: configured  ## Benchmark reactor, HTTP/2 session and codec separately; ARGS=--benchmark_filter=task
	ninja -C build $(layers:%=benchmarks/%-bench)
	$(foreach layer,$(layers),build/benchmarks/$(layer)-bench --benchmark_min_time=0.1 $(ARGS) &&) true

.PHONY: configured tested
configured:
	@.ci/setup build
	$(call configure,build)

tested:
	@.ci/setup build
	$(call configure,build-test,$(asserting))

comma := ,
