package load

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/processmemory"
)

// Functions are all that the stack has.
var Functions = []string{"attach-policies", "validate-config", "rotate-secret", "patch-task-definition", "sweep"}

// Memory watches what the functions' processes hold.
type Memory struct {
	account *operator.Operator
	stop    context.CancelFunc
	done    chan struct{}

	mutex  sync.Mutex
	peaks  map[string]int64
	failed error
}

// memoryInterval is how often the processes are looked at. The system keeps
// each one's peak itself; only what ends in between is missed.
const memoryInterval = 200 * time.Millisecond

// WatchMemory looks at the functions' processes until Peaks is called.
func WatchMemory(account *operator.Operator) *Memory {
	ctx, stop := context.WithCancel(context.Background())
	watching := &Memory{account: account, stop: stop, done: make(chan struct{}), peaks: map[string]int64{}}
	go func() {
		defer close(watching.done)
		for {
			watching.look()
			select {
			case <-ctx.Done():
				return
			case <-time.After(memoryInterval):
			}
		}
	}()
	return watching
}

// Peaks ends the watch and gives the most that a process of each function held,
// in bytes.
func (m *Memory) Peaks() (map[string]int64, error) {
	m.stop()
	<-m.done
	return m.peaks, m.failed
}

func (m *Memory) look() {
	// The emulator, and with it the functions, are children of this process.
	processes, err := processmemory.Descendants(os.Getpid())
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.failed = errors.Join(m.failed, err)
	for _, process := range processes {
		name := process.Variable("AWS_LAMBDA_FUNCTION_NAME")
		if name == "" {
			continue
		}
		for _, function := range Functions {
			if strings.HasSuffix(m.account.FunctionARN(function), ":"+name) {
				m.peaks[function] = max(m.peaks[function], process.Peak)
			}
		}
	}
}
