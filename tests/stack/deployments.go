package stack

import (
	"cmp"
	"strings"
	"sync"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/taskdefinition"
)

// deployments knows who deploys which CloudFormation stack, so that what
// CloudFormation calls is recorded under that principal.
type deployments struct {
	definitions *taskdefinition.Store

	mutex sync.Mutex
	// keys are the access keys by stack, last that of the latest call.
	keys map[string]string
	last string
}

// deploying are CloudFormation's operations that make it call other services.
var deploying = map[string]bool{"CreateStack": true, "UpdateStack": true, "DeleteStack": true, "CreateChangeSet": true, "ExecuteChangeSet": true, "RollbackStack": true}

// note is informed about every call before it is answered.
func (d *deployments) note(exchange awscall.Exchange) {
	if exchange.Call.Service != "cloudformation" || !deploying[exchange.Call.Operation] {
		return
	}
	stack, _ := exchange.Parameters["StackName"].(string)
	if _, resource, isARN := strings.Cut(stack, ":stack/"); isARN {
		stack, _, _ = strings.Cut(resource, "/")
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.keys == nil {
		d.keys = map[string]string{}
	}
	d.keys[stack], d.last = exchange.AccessKey, exchange.AccessKey
}

func (d *deployments) accessKey(stack string) string {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return cmp.Or(d.keys[stack], d.last, AccessKey)
}

// internal takes a call that the emulator's CloudFormation made.
func (s *Stack) internal(call awscall.Internal) {
	exchange := call.Exchange(s.deployments.accessKey(call.Stack), Region, time.Now().UTC())
	if exchange.Call.Name() == "ecs:RegisterTaskDefinition" && s.deployments.definitions != nil {
		// Only what is remembered matters: no one reads this answer.
		if _, err := s.deployments.definitions.AmendRegistration(exchange, exchange.Response); err != nil {
			s.logger.Error("who registered a task definition was not noted", "error", err)
		}
	}
	s.deliverer.Observe(exchange)
}
