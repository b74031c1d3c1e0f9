package sweep

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweepreport"
)

const (
	// stateKey is the object that is the lock and the memory of the sweep.
	stateKey = "sweep/state.json"
	// hold is how long the lock keeps others away without being renewed: longer
	// than an invocation can be.
	hold = 20 * time.Minute
	// maxInvocations bounds how often a sweep goes on by itself. So many take a day,
	// after which the next sweep begins. Lambda's own detection of loops, which ends
	// them after about 16, is off for this function (RecursiveLoop in the template).
	maxInvocations = 100
	// maxResults bounds what is remembered of subjects that are not compliant.
	maxResults = 10_000
)

// Run is a sweep, as far as it has come. It is kept as JSON between invocations.
type Run struct {
	ID string `json:"id"`
	// Request is what asked for it.
	Request string       `json:"request"`
	Mode    finding.Mode `json:"mode"`
	Kinds   []Kind       `json:"kinds"`
	Started time.Time    `json:"started"`
	// Attempt counts the invocations; each numbers its own messages.
	Attempt int `json:"attempt"`
	// Expires is until when no one else may begin a sweep.
	Expires time.Time `json:"expires"`
	// Progress is when an answer came, or something was handed over, last.
	Progress time.Time `json:"progress"`
	Ended    bool      `json:"ended"`
	// Cursors tell where listing a kind goes on; Listed are the kinds that were
	// listed to their end.
	Cursors map[Kind]string `json:"cursors"`
	Listed  []Kind          `json:"listed"`
	// Sent are the messages without an answer, by what follows the run's id in
	// their reference.
	Sent map[string]Sent `json:"sent"`
	// ChangeLimit is how many subjects the sweep changes at most.
	ChangeLimit int   `json:"changeLimit"`
	Phase       Phase `json:"phase,omitempty"`
	// Direct counts the subjects that were handed over without a rehearsal.
	Direct int `json:"direct,omitempty"`
	// Changes counts the subjects that would be changed, by the rehearsal.
	Changes int `json:"changes,omitempty"`
	// Rehearsed are the answers of the rehearsal that have something to change, by
	// the references of their messages.
	Rehearsed map[string]Rehearsed `json:"rehearsed,omitempty"`
	// Tallies count what is known.
	Tallies map[Kind]*Tally `json:"tallies"`
	// Results are what is known of subjects that are not compliant, Dropped is of
	// how many more it is not kept.
	Results []sweepreport.Result `json:"results"`
	Dropped int                  `json:"dropped"`
	// Earlier is what stood at the end of the sweep that began at EarlierStarted.
	Earlier        []sweepreport.Known `json:"earlier,omitempty"`
	EarlierStarted time.Time           `json:"earlierStarted,omitzero"`

	// messages numbers those of this attempt.
	messages int
	// tag is the state's, as it was last written.
	tag string
	// handed counts the subjects that this invocation has handed over.
	handed int
	// detached runs have nothing to be kept in.
	detached bool
}

// Sent is a message that was handed over.
type Sent struct {
	Kind     Kind     `json:"kind"`
	Subjects []string `json:"subjects"`
	// Rehearsal says that it asked what would be changed.
	Rehearsal bool `json:"rehearsal,omitempty"`
}

// Tally counts what is known of a kind.
type Tally struct {
	Listed   int                    `json:"listed"`
	Statuses map[finding.Status]int `json:"statuses"`
	Codes    map[string]int         `json:"codes"`
}

// takeUp takes the lock, or takes up the run that the request belongs to. A
// finding says why it does not. The id is the delivery's.
func (s *Sweep) takeUp(ctx context.Context, id string, asked request) (*Run, *finding.Finding, error) {
	now := s.now().UTC()
	run := s.newRun(now, id, asked)
	if s.settings.ReportBucket == "" || s.settings.ResultsQueueURL == "" {
		run.detached = true
		return run, nil, nil
	}
	found, tag, err := s.load(ctx)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case found == nil && asked.sweep != "":
		return nil, over(asked.sweep), nil
	case found == nil:
	case asked.sweep != "":
		again := found.Attempt == asked.attempt || found.Expires.Before(now)
		if found.ID != asked.sweep || found.Ended || !again {
			return nil, over(asked.sweep), nil
		}
		run = found
	case found.Request == id:
		// The same event once more: the invocation before this one did not come to
		// its end.
		run = found
	case !found.Ended && now.Before(found.Expires):
		return nil, underway(found), nil
	}
	if found != nil && run != found {
		run.comesAfter(found)
	}
	run.Attempt++
	run.Expires = now.Add(hold)
	run.tag = tag
	switch err := s.save(ctx, run); {
	case err != nil && isTakenOver(err):
		return nil, underway(nil), nil
	case err != nil:
		return nil, nil, err
	}
	return run, nil, nil
}

// comesAfter takes over what an earlier sweep knew, to tell what is new. Of kinds
// that it wasn't of, that is what the one before it knew.
func (r *Run) comesAfter(earlier *Run) {
	if earlier.ID == "" {
		return
	}
	r.Earlier, r.EarlierStarted = sweepreport.Open(earlier.Results), earlier.Started
	for _, known := range earlier.Earlier {
		if !slices.Contains(earlier.Kinds, Kind(known.Kind)) && known.Kind != string(Account) {
			r.Earlier = append(r.Earlier, known)
		}
	}
}

func (s *Sweep) newRun(now time.Time, request string, asked request) *Run {
	hash := sha256.Sum256([]byte(request))
	run := &Run{
		ID:      now.Format("20060102T150405Z") + "-" + hex.EncodeToString(hash[:4]),
		Request: request, Mode: s.settings.Mode, Kinds: asked.kinds, Started: now, Progress: now,
		ChangeLimit: s.settings.ChangeLimit, Rehearsed: map[string]Rehearsed{},
		Cursors: map[Kind]string{}, Sent: map[string]Sent{}, Tallies: map[Kind]*Tally{},
	}
	if asked.dryRun {
		run.Mode = finding.DryRun
	}
	if asked.changeLimit != nil {
		run.ChangeLimit = *asked.changeLimit
	}
	return run
}

func underway(run *Run) *finding.Finding {
	f := justBegun.With()
	if run != nil {
		f = stillRunning.With(finding.Name("id", run.ID), finding.Moment("started", run.Started), finding.Moment("expires", run.Expires))
	}
	return &f
}

func over(id string) *finding.Finding {
	f := alreadyOver.With(finding.Name("id", id))
	return &f
}

// load reads the state; nil where there is none. One that cannot be read counts as
// ended.
func (s *Sweep) load(ctx context.Context) (*Run, string, error) {
	output, err := s.clients.Storage.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.settings.ReportBucket, Key: aws.String(stateKey)})
	if awserror.HasCode(err, "NoSuchKey", "NotFound") {
		return nil, "", nil
	}
	if awserror.HasCode(err, "NoSuchBucket") {
		return nil, "", finding.Refuse(reportBucketGone.With(finding.Name("bucket", s.settings.ReportBucket)))
	}
	if err != nil {
		return nil, "", fmt.Errorf("read the state of the sweep in %s: %w", s.settings.ReportBucket, err)
	}
	defer func() { _ = output.Body.Close() }()
	body, err := io.ReadAll(output.Body)
	if err != nil {
		return nil, "", fmt.Errorf("read the state of the sweep in %s: %w", s.settings.ReportBucket, err)
	}
	run := &Run{}
	if json.Unmarshal(body, run) != nil {
		run = &Run{Ended: true}
	}
	if run.Rehearsed == nil {
		run.Rehearsed = map[string]Rehearsed{}
	}
	return run, aws.ToString(output.ETag), nil
}

// save writes the state if no one else has since it was read. Anyone who has taken
// the run over wins over it.
func (s *Sweep) save(ctx context.Context, run *Run) error {
	if run.detached {
		return nil
	}
	body, err := json.Marshal(run)
	if err != nil {
		return fmt.Errorf("describe the state of the sweep: %w", err)
	}
	input := &s3.PutObjectInput{
		Bucket: &s.settings.ReportBucket, Key: aws.String(stateKey), Body: bytes.NewReader(body), ContentType: aws.String("application/json"),
	}
	if run.tag == "" {
		input.IfNoneMatch = aws.String("*")
	} else {
		input.IfMatch = aws.String(run.tag)
	}
	output, err := s.clients.Storage.PutObject(ctx, input)
	if awserror.HasCode(err, "PreconditionFailed") {
		// The SDK may have sent it twice, and the first one counted.
		if tag, same := s.wrote(ctx, body); same {
			run.tag = tag
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("write the state of the sweep to %s: %w", s.settings.ReportBucket, err)
	}
	run.tag = aws.ToString(output.ETag)
	return nil
}

// isTakenOver reports whether a write of the state met somebody else's.
func isTakenOver(err error) bool {
	return awserror.HasCode(err, "PreconditionFailed", "ConditionalRequestConflict")
}

func (s *Sweep) wrote(ctx context.Context, body []byte) (tag string, same bool) {
	output, err := s.clients.Storage.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.settings.ReportBucket, Key: aws.String(stateKey)})
	if err != nil {
		return "", false
	}
	defer func() { _ = output.Body.Close() }()
	there, err := io.ReadAll(output.Body)
	return aws.ToString(output.ETag), err == nil && bytes.Equal(there, body)
}

// release lets the next delivery of the same event, or another sweep, go on at
// once.
func (s *Sweep) release(ctx context.Context, run *Run) error {
	run.Expires = s.now().UTC()
	return s.save(context.WithoutCancel(ctx), run)
}

// Part is a part of a sweep: one kind, from a cursor on.
type Part struct {
	Kind Kind
	// Cursor is where an earlier run ended; "" is the beginning.
	Cursor string
	// Of are the kinds that the sweep is of.
	Of []Kind
}

// parts are what is still to be listed.
func (r *Run) parts() []Part {
	var parts []Part
	for _, kind := range append([]Kind{Account}, r.Kinds...) {
		if !slices.Contains(r.Listed, kind) {
			parts = append(parts, Part{Kind: kind, Cursor: r.Cursors[kind], Of: r.Kinds})
		}
	}
	return parts
}

// tally gives a kind's counts, to be changed.
func (r *Run) tally(kind Kind) *Tally {
	if r.Tallies[kind] == nil {
		r.Tallies[kind] = &Tally{Statuses: map[finding.Status]int{}, Codes: map[string]int{}}
	}
	return r.Tallies[kind]
}

// add remembers a subject that is not compliant, and counts it unless it was.
func (r *Run) add(kind Kind, result finding.Result, counted bool) {
	if !counted {
		tally := r.tally(kind)
		tally.Statuses[result.Status]++
		for _, f := range result.Findings {
			tally.Codes[f.Code]++
		}
	}
	if len(r.Results) == maxResults {
		r.Dropped++
		return
	}
	if result.ID == "" {
		result.ID = finding.Identify(Name, result)
	}
	r.Results = append(r.Results, sweepreport.Result{Kind: string(kind), Result: result})
}

// note takes over what listing and handing over a kind has come to. A kind that
// cannot be listed counts as listed, or the sweep would never end.
func (r *Run) note(kind Kind, listed Observation, result finding.Result) {
	if result.Status == finding.Failed {
		return
	}
	tally := r.tally(kind)
	tally.Listed += listed.Listed
	if listed.Settled > 0 {
		tally.Statuses[finding.Compliant] += listed.Settled
	}
	if result.Newsworthy() {
		r.add(kind, result, false)
	} else if kind == Account {
		tally.Statuses[result.Status]++
	}
	delete(r.Cursors, kind)
	if listed.Next != "" {
		r.Cursors[kind] = listed.Next
	} else if !slices.Contains(r.Listed, kind) {
		r.Listed = append(r.Listed, kind)
	}
}
