# The rig runs the local stack: an AWS emulator with this checkout deployed in it.
RIG := .local/bin/rig
DEMO := .local/bin/demo

.PHONY: demo test local local-down invoke

# The main job, played on the emulator; fails if any of it does not happen.
demo: $(DEMO)
	@$(DEMO)

# Everything that is checked. The programs that it needs are installed on first use.
test: $(RIG)
	@tests/run

# Start the local stack. Standard output is shell lines: eval "$(make -s local)"
local: $(RIG)
	@$(RIG) up

# Stop it.
local-down: $(RIG)
	@$(RIG) down

# Send an event to a function: make invoke FUNCTION=validate-config EVENT=events/FILE.json [STACK=NAME]
# Without STACK it is the local stack's; with it, that of the AWS account that the shell's credentials lead to.
invoke: $(RIG)
	@$(RIG) invoke -function '$(FUNCTION)' -event '$(EVENT)' -stack '$(if $(filter command line,$(origin STACK)),$(STACK))'

# Go knows best whether it is up to date.
.PHONY: $(RIG) $(DEMO)
$(RIG) $(DEMO):
	@command -v go >/dev/null || { echo 'go is not installed; install Go 1.26 or newer (https://go.dev/dl/)' >&2; exit 1; }
	@go -C tests build -o ../$@ ./cmd/$(notdir $@)
