package awscall

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
)

// Record keeps every call, in memory and as JSON lines. It is safe for use by
// several goroutines.
type Record struct {
	mutex   sync.Mutex
	calls   []Call
	encoder *json.Encoder
	changed chan struct{}
	failed  error
}

// NewRecord returns an empty record that also writes each call to lines.
func NewRecord(lines io.Writer) *Record {
	return &Record{encoder: json.NewEncoder(lines), changed: make(chan struct{})}
}

// Add appends a call.
func (r *Record) Add(call Call) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.calls = append(r.calls, call)
	if err := r.encoder.Encode(call); err != nil && r.failed == nil {
		r.failed = fmt.Errorf("writing the record of calls: %w", err)
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

// Err is the first failure to write a line.
func (r *Record) Err() error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.failed
}

// Calls returns the calls that match, oldest first; nil matches all.
func (r *Record) Calls(match func(Call) bool) []Call {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	var found []Call
	for _, call := range r.calls {
		if match == nil || match(call) {
			found = append(found, call)
		}
	}
	return found
}

// Mark returns a position; Since returns the calls that were added after it.
func (r *Record) Mark() int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return len(r.calls)
}

// Since returns the calls that were added after the mark, oldest first.
func (r *Record) Since(mark int) []Call {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return slices.Clone(r.calls[mark:])
}

// Changed returns a channel that is closed when the next call is added.
func (r *Record) Changed() <-chan struct{} {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.changed
}

// By matches the calls of one caller.
func By(caller string) func(Call) bool {
	return func(call Call) bool { return call.Caller == caller }
}
