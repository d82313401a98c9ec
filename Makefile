# `make demo` runs the whole thing on made-up data, `make test` passes all tests; both set up what they need.
SHELL := /bin/bash
.DELETE_ON_ERROR:

TARGET := $(or $(CARGO_TARGET_DIR),target)
PLUGINS := $(sort $(notdir $(wildcard plugins/fact_* plugins/dim_*)))
PYTHON := .venv/bin/python
HOST := $(TARGET)/release/host
# The processor of the functions. For another one than that of this machine Debian's cross compiler builds, and an emulator compiles
# the plugins.
ARCH ?= $(shell uname -m)
LAMBDA := $(TARGET)/lambda/$(ARCH)
TRIPLE := $(ARCH)-unknown-linux-gnu
CROSS := $(if $(filter $(ARCH),$(shell uname -m)),,$(ARCH)-linux-gnu-)
RUNNER := $(if $(CROSS),qemu-$(ARCH) -L /usr/$(ARCH)-linux-gnu,)
# How much longer than in `make test` the long runs of `make soak` are.
SOAK ?= 50

.PHONY: help
help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: demo
demo: plugins release .venv-readers/ready ## make the ToteSys database, bring two days of it through the whole line into star tables, ask them
	$(TARGET)/release/totesys --out out/demo/raw
	$(TARGET)/release/totesys --out out/demo/raw-next-day --days 1
	tests/demo.sh $(HOST) plugins/dist out/demo .venv-readers/bin/python

.PHONY: test
test: plugins tools ## run all tests
	cargo fmt --all --check
	cargo test --workspace --no-fail-fast

.PHONY: soak
soak: plugins tools ## run the same tests with many more cases
	SOAK=$(SOAK) cargo test --workspace --release --no-fail-fast

.PHONY: bench
bench: plugins release tools lambda ## measure against serde_json, DuckDB, psql and others; writes out/bench
	.venv/bin/pip install --quiet --requirement tests/bench/requirements.txt
	cargo bench -p tests --no-run
	cargo build --profile plugin --target wasm32-wasip2 -p guests --example orders_changed --example orders_shifted
	$(PYTHON) tests/bench/bench.py --host $(HOST) --totesys $(TARGET)/release/totesys --plugins plugins/dist \
		--versions $(TARGET)/wasm32-wasip2/plugin/examples --out out/bench
	$(PYTHON) tests/bench/ingest.py --host $(HOST) --totesys $(TARGET)/release/totesys --out out/bench --large
	cargo build --release -p host --example hello
	$(PYTHON) tests/bench/functions.py --host $(HOST) --totesys $(TARGET)/release/totesys --plugins plugins/dist \
	    --hello $(TARGET)/release/examples/hello --package $(LAMBDA)/package --out out/bench
	$(PYTHON) tests/bench/star.py --host $(HOST) --totesys $(TARGET)/release/totesys --plugins plugins/dist \
		--readers .venv-readers/bin/python --out out/bench --large

.PHONY: check
check: setup ## lints, formatting, licences
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	command -v cargo-deny > /dev/null || cargo install --locked cargo-deny
	cargo deny check licenses bans sources

.PHONY: plugins
plugins: setup ## build all plugins into plugins/dist
	cargo build --profile plugin --target wasm32-wasip2 $(addprefix -p ,$(PLUGINS))
	mkdir -p plugins/dist
	cp $(foreach plugin,$(PLUGINS),$(TARGET)/wasm32-wasip2/plugin/$(plugin).wasm) plugins/dist/

.PHONY: languages
languages: tools ## build the example plugins in Python and JavaScript into plugins/dist
	$(MAKE) -C plugins/python TOOLS=$(abspath $(TARGET))/python-plugin
	$(MAKE) -C plugins/javascript TOOLS=$(abspath $(TARGET))/javascript-plugin

.PHONY: release
release: setup
	cargo build --release -p host -p totesys

# The package of the functions, for $(ARCH). Its program is linked to fixed addresses, which saves a third of its start, and stripped; the
# plugins are compiled ahead of time.

.PHONY: lambda
lambda: plugins $(if $(CROSS),cross,) ## build the package of the functions: target/lambda/<processor>/host.zip
	$(if $(CROSS),CARGO_TARGET_$(shell echo $(TRIPLE) | tr a-z- A-Z_)_LINKER=$(CROSS)gcc) \
	    cargo rustc --release -p host --bin host $(if $(CROSS),--target $(TRIPLE)) -- -C relocation-model=static
	rm -rf $(LAMBDA) && mkdir -p $(LAMBDA)/package
	cp $(TARGET)/$(if $(CROSS),$(TRIPLE)/)release/host $(LAMBDA)/package/bootstrap
	$(CROSS)strip $(LAMBDA)/package/bootstrap
	$(if $(CERTIFICATES),cp $(CERTIFICATES) $(LAMBDA)/package/certificates.pem)
	$(RUNNER) $(LAMBDA)/package/bootstrap plugin package plugins/dist/*.wasm --out $(LAMBDA)/package/plugins
	python3 terraform/package.py $(LAMBDA)/package $(LAMBDA)/host.zip

.PHONY: cross
cross:
	rustup target add $(TRIPLE)
	command -v $(CROSS)gcc > /dev/null && command -v qemu-$(ARCH) > /dev/null || { \
	    apt-get update && apt-get install --yes gcc-$(ARCH)-linux-gnu libc6-dev-$(if $(filter aarch64,$(ARCH)),arm64,amd64)-cross qemu-user; }

.PHONY: setup
setup:
	@command -v cargo > /dev/null || { echo 'install Rust first: https://rustup.rs' >&2; exit 1; }
	@rustup target list --installed 2> /dev/null | grep -qx wasm32-wasip2 || rustup target add wasm32-wasip2

.PHONY: tools
tools: .venv/ready .venv-readers/ready .venv-terraform/ready database
	@command -v npm > /dev/null || { apt-get update && apt-get install --yes nodejs npm; }

# The tests start their own servers; Debian's package would start one, too, if it were not told.
.PHONY: database
database:
	@command -v initdb > /dev/null || ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1 || { \
	    mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf; \
	    apt-get update && apt-get install --yes postgresql; }

.venv/ready: tests/requirements.txt
	$(call venv,.venv,$<)

# Readers of Delta Lake by others, which need another DuckDB than the tests.
.venv-readers/ready: tests/readers/requirements.txt
	$(call venv,.venv-readers,$<)

# Checks of the Terraform configuration.
.venv-terraform/ready: tests/terraform/requirements.txt
	$(call venv,.venv-terraform,$<)

define venv
python3 -m venv $(1) || { apt-get update && apt-get install --yes python3-venv && python3 -m venv $(1); }
$(1)/bin/pip install --quiet --requirement $(2)
touch $(1)/ready
endef
