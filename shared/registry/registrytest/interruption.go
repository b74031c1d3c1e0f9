// Package registrytest is what tests of registries' credentials run against: a
// network without wires, servers made from the vendors' published API
// descriptions, and runs that are cut off between any two calls.
package registrytest

import (
	"errors"
	"sync"
)

// ErrCut is what a caller sees of a run that was cut off.
var ErrCut = errors.New("the run is cut off here")

// Interruption counts calls, and cuts a run off before or after one of them.
// From there on no call is made: a process that has ended makes none.
type Interruption struct {
	// At is the number of the call, from 1; 0 cuts nothing.
	At int
	// After lets that call be carried out, and loses its answer.
	After bool

	mutex sync.Mutex
	calls int
	cut   bool
}

// Around makes a call, or cuts it off. A nil Interruption cuts nothing.
func (i *Interruption) Around(call func()) error {
	if i == nil {
		call()
		return nil
	}
	i.mutex.Lock()
	i.calls++
	here := i.calls == i.At
	if i.cut || here && !i.After {
		i.cut = true
		i.mutex.Unlock()
		return ErrCut
	}
	i.cut = here
	i.mutex.Unlock()
	call()
	if here {
		return ErrCut
	}
	return nil
}

// Calls gives the number of calls until now.
func (i *Interruption) Calls() int {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return i.calls
}

// Cut reports whether the run was cut off.
func (i *Interruption) Cut() bool {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return i.cut
}
