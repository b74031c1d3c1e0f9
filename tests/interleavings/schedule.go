// Package interleavings runs two deliveries that concern the same thing through
// the orders that their calls can come in, and compares where each order ends
// with where the two end one after the other.
//
// The functions are the real ones with the SDK's real clients, in this process.
// A middleware takes each call before it is written to the wire, holds it until
// the scheduler names it next, and has the account in memory answer it. The
// scheduler goes depth first through the choice "whose call is next". An order
// in which only calls changed places that can't affect each other is the same
// order (sleep sets: P. Godefroid, Partial-Order Methods for the Verification of
// Concurrent Systems, 1996), so that the orders tried stand for all there are.
package interleavings

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
)

// Call is one call of a delivery to AWS or to a registry.
type Call struct {
	// Delivery is 0 or 1.
	Delivery int
	// Operation is "iam:AttachRolePolicy", or of a registry "registry:POST /path".
	Operation string
	// Resource is what the call concerns; "" conflicts with everything of the
	// service.
	Resource string
	// Writes is false for calls that change nothing.
	Writes bool
	// detail tells apart the calls that a delivery makes side by side.
	detail string
	// occurrence counts the calls of the delivery that are the same in all else.
	occurrence int
}

// service is the part of the operation before the colon.
func (c Call) service() string {
	service, _, _ := strings.Cut(c.Operation, ":")
	return service
}

// independentOf reports whether two calls have the same result in both orders.
// A registry may read its users from S3.
func (c Call) independentOf(other Call) bool {
	if !c.Writes && !other.Writes {
		return true
	}
	services := []string{c.service(), other.service()}
	if services[0] != services[1] {
		return !slices.Contains(services, registryService)
	}
	return c.Resource != "" && other.Resource != "" && c.Resource != other.Resource
}

func (c Call) compare(other Call) int {
	return cmp.Or(
		cmp.Compare(c.Delivery, other.Delivery), strings.Compare(c.Operation, other.Operation),
		strings.Compare(c.Resource, other.Resource), strings.Compare(c.detail, other.detail), cmp.Compare(c.occurrence, other.occurrence),
	)
}

// isLike reports whether two calls of a delivery differ in their details at most.
func (c Call) isLike(other Call) bool {
	return c.Delivery == other.Delivery && c.Operation == other.Operation && c.Resource == other.Resource
}

// gate holds the calls of one run.
type gate struct {
	mutex sync.Mutex
	// waiting are the calls that are held, with what lets each go on.
	waiting map[Call]chan struct{}
	made    map[Call]int
	running int
	// open lets every call through: the order is given up, or at its end.
	open bool
	// changed has an entry after a call arrived or a delivery ended.
	changed chan struct{}
}

func newGate(deliveries int) *gate {
	return &gate{waiting: map[Call]chan struct{}{}, made: map[Call]int{}, running: deliveries, changed: make(chan struct{}, 1)}
}

// openGate holds nothing.
func openGate() *gate { return &gate{open: true} }

func (g *gate) signal() {
	select {
	case g.changed <- struct{}{}:
	default:
	}
}

// pass holds a call until it is its turn.
func (g *gate) pass(call Call) {
	g.mutex.Lock()
	if g.open {
		g.mutex.Unlock()
		return
	}
	g.made[call]++
	call.occurrence = g.made[call]
	proceed := make(chan struct{})
	g.waiting[call] = proceed
	g.mutex.Unlock()
	g.signal()
	<-proceed
}

// ended notes that a delivery is through.
func (g *gate) ended() {
	g.mutex.Lock()
	g.running--
	g.mutex.Unlock()
	g.signal()
}

// release lets a call go on.
func (g *gate) release(call Call) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	close(g.waiting[call])
	delete(g.waiting, call)
}

// abandon lets all calls go on, now and later.
func (g *gate) abandon() {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.open = true
	for call, proceed := range g.waiting {
		close(proceed)
		delete(g.waiting, call)
	}
}

// next waits until every delivery waits for a call's turn or has ended, and
// gives the calls that are held; none at the end. Time passes only where no call
// is held, as when a delivery waits before it looks again.
func (g *gate) next() []Call {
	for {
		synctest.Wait()
		g.mutex.Lock()
		var held []Call
		for call := range g.waiting {
			held = append(held, call)
		}
		running := g.running
		g.mutex.Unlock()
		if len(held) > 0 || running == 0 {
			slices.SortFunc(held, Call.compare)
			return held
		}
		<-g.changed
	}
}

// step is one choice of an order.
type step struct {
	// asleep are calls that need not be tried here: the orders that begin with them
	// were tried before, and what came since doesn't affect them.
	asleep []Call
	held   []Call
	// open are the calls still to try here.
	open   []Call
	tried  []Call
	chosen Call
	// switches counts the choices up to here that left a delivery that could go on.
	switches int
}

// renew gives the calls of a step the details that they have in the present run. One
// that kept those of a former run would pass for a call that was not tried, and the
// search would not end. Of two calls that are the same in all else, it isn't known
// which of them comes first: either takes the place.
func (s *step) renew(held []Call) {
	renewed := map[Call]Call{}
	free := slices.DeleteFunc(slices.Clone(held), func(call Call) bool { return slices.Contains(s.held, call) })
	for _, former := range s.held {
		if slices.Contains(held, former) {
			continue
		}
		if like := slices.IndexFunc(free, former.isLike); like >= 0 {
			renewed[former] = free[like]
			free = slices.Delete(free, like, like+1)
		}
	}
	for _, calls := range [][]Call{s.open, s.tried, s.asleep} {
		for index, call := range calls {
			if now, changed := renewed[call]; changed {
				calls[index] = now
			}
		}
	}
	if now, changed := renewed[s.chosen]; changed {
		s.chosen = now
	}
	s.held = held
}

// search goes depth first through orders. At each step it tries one call, and
// each other one that was seen to conflict with what went before it (dynamic
// partial-order reduction: C. Flanagan, P. Godefroid, POPL 2005).
type search struct {
	steps []step
	// lost counts the orders that were given up because the same choices led to other
	// calls than before each time.
	lost int
	// switches bounds how often an order may leave a delivery that could go on; below
	// zero, there is no bound. A bounded search tries all calls at each step, one of
	// each delivery.
	switches int
}

func (s *search) bounded() bool { return s.switches >= 0 }

// count gives the number of switches with a call chosen in a step.
func (s *search) count(at int, call Call) int {
	if at == 0 {
		return 0
	}
	last := s.steps[at-1]
	if call.Delivery != last.chosen.Delivery && len(of(s.steps[at].held, last.chosen.Delivery)) > 0 {
		return last.switches + 1
	}
	return last.switches
}

// of gives the calls of a delivery.
func of(calls []Call, delivery int) []Call {
	return slices.DeleteFunc(slices.Clone(calls), func(call Call) bool { return call.Delivery != delivery })
}

// choose takes the next call of a step to try; false where there is
// none.
func (s *search) choose(at int) bool {
	step := &s.steps[at]
	for _, call := range step.open {
		if slices.Contains(step.tried, call) || slices.Contains(step.asleep, call) || s.bounded() && s.count(at, call) > s.switches {
			continue
		}
		step.chosen, step.switches = call, s.count(at, call)
		return true
	}
	return false
}

// begin opens the calls of a new step. The delivery that went last goes on first,
// so that the first order is that of the one after the other.
func (s *search) begin(at int) {
	step := &s.steps[at]
	last := 0
	if at > 0 {
		last = s.steps[at-1].chosen.Delivery
	}
	for _, delivery := range []int{last, 1 - last} {
		for _, call := range of(step.held, delivery) {
			if slices.Contains(step.asleep, call) {
				continue
			}
			step.open = append(step.open, call)
			if !s.bounded() {
				return
			}
			break
		}
	}
}

// decide names the call that is next in a step of the present order; false gives
// the order up, because it is one that was tried, or because that call isn't made.
func (s *search) decide(at int, held []Call) (call Call, on bool) {
	if at < len(s.steps) {
		s.steps[at].renew(held)
		chosen := s.steps[at].chosen
		return chosen, slices.Contains(held, chosen)
	}
	next := step{held: held}
	if at > 0 && !s.bounded() {
		last := s.steps[at-1]
		for _, call := range slices.Concat(last.asleep, last.tried) {
			if call.independentOf(last.chosen) {
				next.asleep = append(next.asleep, call)
			}
		}
	}
	s.steps = append(s.steps, next)
	s.conflicts(at)
	s.begin(at)
	if !s.choose(at) {
		s.steps = s.steps[:at]
		return Call{}, false
	}
	return s.steps[at].chosen, true
}

// conflicts opens, for each call that is held at a step, the earlier steps where
// another order of it and of what was chosen there may have another result.
func (s *search) conflicts(at int) {
	if s.bounded() {
		return
	}
	for _, call := range s.steps[at].held {
		for earlier := range at {
			step := &s.steps[earlier]
			if call.independentOf(step.chosen) {
				continue
			}
			if slices.Contains(step.held, call) {
				s.open(earlier, call)
				continue
			}
			if step.chosen.Delivery == call.Delivery {
				continue
			}
			s.open(earlier, of(step.held, call.Delivery)...)
		}
	}
}

func (s *search) open(at int, calls ...Call) {
	for _, call := range calls {
		if !slices.Contains(s.steps[at].open, call) {
			s.steps[at].open = append(s.steps[at].open, call)
		}
	}
}

// advance turns to the next order; false where all were tried.
func (s *search) advance() bool {
	for at := len(s.steps) - 1; at >= 0; at-- {
		s.steps[at].tried = append(s.steps[at].tried, s.steps[at].chosen)
		if s.choose(at) {
			s.steps = s.steps[:at+1]
			return true
		}
	}
	return false
}

// order gives the present order for people: runs of calls of the deliveries A
// and B.
func (s *search) order() string {
	var parts []string
	for at, step := range s.steps {
		if at == 0 || step.chosen.Delivery != s.steps[at-1].chosen.Delivery {
			parts = append(parts, string(rune('A'+step.chosen.Delivery))+":")
		}
		parts = append(parts, step.chosen.Operation)
	}
	return strings.Join(parts, " ")
}

// writes counts the calls of the present order that change something.
func (s *search) writes() int {
	count := 0
	for _, step := range s.steps {
		if step.chosen.Writes {
			count++
		}
	}
	return count
}
