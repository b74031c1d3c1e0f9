# The rig runs the local stack: an AWS emulator with this checkout deployed in it.
RIG := .local/bin/rig
DEMO := .local/bin/demo

# As make build compiles, so that what ships and what tests it share what is
# compiled: on a machine that never did, the AWS SDK alone takes minutes. Without
# what a debugger needs, a test's program is linked in two thirds of the time.
export CGO_ENABLED := 0
export GOFLAGS += -trimpath '-ldflags=-s -w'

.PHONY: build deploy demo test update lint race load faults interleavings second-emulator template-lint lifecycle registries bench local local-down invoke scan dist release agent-facts agent-start module-path

# What sam deploy uploads: static and small. A plain sam build works, too, but
# its binaries may need the C library of the machine that built them. What is
# deployed with Architecture=x86_64 is built with ARCHITECTURE=x86_64: sam build
# does not know the parameters of sam deploy, and goes by the template's default.
build:
	@command -v sam >/dev/null || { echo 'the SAM CLI is not installed (https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/install-sam-cli.html)' >&2; exit 1; }
	@CGO_ENABLED=0 GOFLAGS="-tags=lambda.norpc '-ldflags=-s -w' -trimpath" sam build $(if $(ARCHITECTURE),--parameter-overrides 'Architecture=$(ARCHITECTURE)')

# The settings of sam deploy: those of your own, where make deploy GUIDED=yes
# has saved some, else the repository's, which stay as they are.
OWN := samconfig.local.toml
CONFIG = $(if $(wildcard $(OWN)),$(OWN),samconfig.toml)

# Build, look through the parameters, and deploy; asks for nothing unless the
# environment confirms change sets (prod):
# make deploy [ENV=prod] [PARAMETERS='Mode=enforce FindingsEmail=ops@example.com'] [GUIDED=yes]
# A name or value that the template does not take is told with what to write instead.
deploy: $(RIG)
	@$(if $(GUIDED),test -e $(OWN) || cp samconfig.toml $(OWN))
	@$(if $(GUIDED),$(RIG) guide -env '$(or $(ENV),default)')
	@$(RIG) parameters -env '$(or $(ENV),default)' $(PARAMETERS)
	@$(MAKE) --no-print-directory build
	@sam deploy --config-file $(if $(GUIDED),$(OWN),$(CONFIG)) --config-env '$(or $(ENV),default)' $(if $(PARAMETERS),--parameter-overrides $(PARAMETERS))

# The main job, played on the emulator; fails if any of it does not happen.
demo: $(DEMO)
	@$(DEMO)

# Everything that is checked. The programs that it needs are installed on first use.
test: $(RIG)
	@tests/run

# A fork's address, everywhere that Go's modules repeat it:
# make module-path TO=github.com/acme/ecs-guardrails
module-path:
	@test '$(TO)' || { echo "say which: make module-path TO=github.com/acme/ecs-guardrails" >&2; exit 1; }
	@from=$$(go list -m) && git grep -lF "$$from" | FROM="$$from" xargs perl -pi -e 's{\Q$$ENV{FROM}\E(?![\w-])}{$(TO)}g'
	@gofmt -w $$(git ls-files '*.go')

# Write every generated document and golden file from the code and the template.
update:
	@tests/update

# The checks that need the network.
lint: $(RIG)
	go tool -modfile=tests/lint/go.mod govulncheck ./...
	cd tests && go tool -modfile=lint/go.mod govulncheck ./...
	"$$($(RIG) tools checkov)/checkov" --file template.yaml --framework cloudformation --compact --quiet --skip-download

# The unit tests under the race detector, which needs a C compiler; about ten minutes.
race:
	@CGO_ENABLED=1 go test -race -short ./...

# A burst of 2,000 events and a sweep over a large account; about four minutes.
load:
	@go -C tests run ./cmd/load

# Every function, cut off at each of its calls in every way that AWS can fail, and
# rotate-secret at each call of each registry's driver; ten to fifteen minutes.
faults:
	@go test ./shared/rotation -v -count=1 -run 'CutOff$$' -args -full
	@go -C tests run ./cmd/faults

# Two deliveries that concern the same thing, in every order of their calls up to
# a bound; a minute and a half of processor time, without the local stack.
interleavings:
	@rm -f .local/interleavings.txt; go -C tests test ./interleavings -count=1 -run TestInterleavings -timeout 30m -args -full; \
	status=$$?; cat .local/interleavings.txt; exit $$status

# The shipped functions against moto, an emulator of AWS by other authors than the
# local stack's, and both compared; half a minute once moto is installed.
second-emulator:
	@go -C tests test ./secondemulator -v -count=1 -timeout 15m -args -moto

# cfn-lint on what CloudFormation gets of the template, for all combinations of
# parameters in five regions of four partitions; a minute and a half. make test
# does it for six.
template-lint:
	@go -C tests test ./templatelint -v -count=1 -timeout 30m -args -full

# A stack's life: each parameter changes, a release follows the previous one, and
# the stack goes, by CloudFormation's rules: make lifecycle [LIVE=yes], with LIVE
# also on the local stack, in about ten minutes.
lifecycle:
	@rm -f .local/lifecycle-rules.txt .local/lifecycle.txt; go -C tests test ./lifecycle -count=1 -timeout 60m $(if $(LIVE),-args -live); \
	status=$$?; cat .local/lifecycle-rules.txt $(if $(LIVE),.local/lifecycle.txt); exit $$status

# Rotations at a real Gitea, cut off at every call. Gitea is built from its module on
# first use, without its frontend; on a machine that never did, that takes a quarter
# of an hour.
registries:
	go -C tests/giteaserver build -o ../../.local/gitea gitea.dev
	GITEA='$(CURDIR)/.local/gitea' GITEA_SOURCES="$$(go -C tests/giteaserver list -m -f '{{.Dir}}' gitea.dev)" go -C tests test ./gitearegistry -v -count=1 -timeout=40m

# The functions against an empty one, Python, bare calls and Cloud Custodian, in
# one run of about ten minutes; writes tests/bench/RESULTS.md.
bench:
	@go -C tests run ./bench

# Look at an account with the shell's credentials, and change nothing:
# make scan SCAN='--region eu-west-1 --only roles'
scan:
	@go run ./functions/sweep scan $(SCAN)

# The programs for a shell, for Linux, macOS and Windows, in dist/, with checksums
# and a bill of materials: make dist [ONLY=linux/arm64].
dist:
	@go -C tests run ./cmd/dist $(if $(ONLY),-only '$(ONLY)')

# All that a release consists of, in dist/: the programs' archives, the functions
# for both architectures, templates that deploy them without Go, checksums, a bill
# of materials and a statement of provenance. With a bucket it uploads the packages
# there and prints how to deploy them: make release [BUCKET=NAME].
release:
	@go -C tests run ./cmd/dist -release $(if $(BUCKET),-bucket '$(BUCKET)')

# The facts of an ECS agent version, from the Go module proxy or a checkout:
# make agent-facts VERSION=1.105.1 [SOURCE=DIRECTORY]. The test then says which
# rows of shared/ecsconfig/catalogue.go differ.
agent-facts:
	@go -C tests run ./cmd/agentfacts $(AGENT_SOURCE)
	@go test ./shared/ecsconfig -run TestCatalogueAgreesWithTheSource

# Start the real agent with every value of the grid that was not measured yet,
# and write how it ended: make agent-start VERSION=1.105.1 [SOURCE=DIRECTORY].
# Needs root on Linux. All of the grid takes an hour or two, most of which the
# agents wait; it may be stopped and started again.
#
# With FUZZ it holds what becomes of random files against the readers' own code
# for that long: ecs.config's environment (ecs-init, systemd, docker run), the
# agent's configuration, .env files and the start-up. It prints the seeds, the runs
# and the differences, and SEED repeats it from there:
# make agent-start VERSION=1.105.1 FUZZ=10m [SEED=1] [SOURCE=DIRECTORY].
#
# The agent's modules come from the Go module proxy. Where it doesn't have them, it
# answers 403 or 404: then SOURCE names a checkout of the agent's repository, with
# the directories agent, ecs-agent and ecs-init, at the tag of the version, as in
# make agent-start VERSION=1.105.1 FUZZ=10m SOURCE=../amazon-ecs-agent.
agent-start:
	@test '$(VERSION)' || { echo "say which: make agent-start VERSION=1.105.1 [SOURCE=DIRECTORY]" >&2; exit 1; }
	@test -x .local/agent-$(VERSION) || go -C tests run ./cmd/agentfacts $(AGENT_SOURCE) -build ../.local/agent-$(VERSION)
	$(if $(FUZZ),@go -C tests run ./cmd/agentfacts $(AGENT_SOURCE) -readers ../.local/agent-readers-$(VERSION))
	@go -C tests test ./agentstart -count=1 -timeout 0 $(if $(FUZZ),-v -run $(FUZZED),-run TestMeasure) \
		-args -agent "$(CURDIR)/.local/agent-$(VERSION)" $(if $(FUZZ),-random $(FUZZ) -seed $(or $(SEED),0) -readers "$(CURDIR)/.local/agent-readers-$(VERSION)",-measure)

AGENT_SOURCE = -version '$(VERSION)' -source '$(abspath $(SOURCE))'
FUZZED := 'TestEnvironmentOfConfig|TestSettings|TestEnvironmentFile|TestRandomFiles'

# Start the local stack. Standard output is shell lines: eval "$(make -s local)"
local: $(RIG)
	@$(RIG) up

# Stop it.
local-down: $(RIG)
	@$(RIG) down

# Send an event to a function: make invoke FUNCTION=validate-config EVENT=events/FILE.json [ENV=default|dev|prod | STACK=NAME]
# Without either it is the local stack's; else that of the AWS account that the shell's credentials lead to, by the
# environment that it was deployed with, or by its name.
invoke: $(RIG)
	@$(RIG) invoke -function '$(FUNCTION)' -event '$(EVENT)' -env '$(if $(filter command line,$(origin ENV)),$(ENV))' -stack '$(if $(filter command line,$(origin STACK)),$(STACK))'

# Go knows best whether it is up to date.
.PHONY: $(RIG) $(DEMO)
$(RIG) $(DEMO):
	@command -v go >/dev/null || { echo 'go is not installed; install Go 1.26 or newer (https://go.dev/dl/)' >&2; exit 1; }
	@go -C tests build -o ../$@ ./cmd/$(notdir $@)
