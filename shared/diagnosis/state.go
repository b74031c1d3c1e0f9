package diagnosis

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
)

const (
	// statePrefix is where the state of failures lies in the stack's bucket.
	statePrefix = "failures/"
	// reminder is how often people are informed about a failure that lasts.
	reminder = time.Hour
	// quiet is after how long without an attempt a failure is followed no more.
	quiet = 24 * time.Hour
	// maxState bounds what is read of a state.
	maxState = 64 << 10
)

// State is a failure that was reported. It is one object, written
// with conditions, so that of all that see equal failures one tells.
type State struct {
	Group      string `json:"group"`
	Partition  string `json:"partition,omitempty"`
	Account    string `json:"account,omitempty"`
	Region     string `json:"region,omitempty"`
	Cluster    string `json:"cluster,omitempty"`
	Service    string `json:"service,omitempty"`
	Definition string `json:"definition,omitempty"`
	Instance   string `json:"instance,omitempty"`
	Cause      string `json:"cause"`
	Object     string `json:"object,omitempty"`
	Cached     bool   `json:"cached,omitempty"`
	// Claimants are the attempts that opened it, so that their redelivery can
	// finish what was cut off.
	Claimants []string  `json:"claimants"`
	Opened    time.Time `json:"opened"`
	// Told is when it was last reported, Seen when an attempt last failed.
	Told time.Time `json:"told"`
	Seen time.Time `json:"seen"`
	// Count is how many attempts failed, as far as was seen.
	Count int `json:"count"`

	tag string
}

// Storage is the part of S3's client that keeps the state and looks at files.
type Storage interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	DeleteObject(context.Context, *s3.DeleteObjectInput, ...func(*s3.Options)) (*s3.DeleteObjectOutput, error)
	HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
	s3.ListObjectsV2APIClient
}

// Memory knows the failures that were reported. It is safe for concurrent use.
type Memory struct {
	storage Storage
	bucket  string
	now     func() time.Time

	mutex sync.Mutex
	// known spares a warm function the calls for what it has just told.
	known map[string]*remembered
}

type remembered struct {
	told  time.Time
	count int
}

// maxKnown bounds what a warm function remembers.
const maxKnown = 5000

// NewMemory makes a memory that knows nothing yet.
func NewMemory(storage Storage, bucket string, now func() time.Time) *Memory {
	return &Memory{storage: storage, bucket: bucket, now: now, known: map[string]*remembered{}}
}

// Attempts are the attempts at a start that one delivery reports.
type Attempts struct {
	// IDs names each once.
	IDs []string
	// Redelivered says that a queue delivers one of them once more.
	Redelivered bool
}

// maxClaimants bounds what is written down of the attempts.
const maxClaimants = 500

// Sighting is what a memory says about a failure.
type Sighting struct {
	// Told says that people know: nothing is looked up or told.
	Told bool
	// State is what is written down; Again says that it lasts since an earlier
	// message.
	State State
	Again bool
}

// recall answers from this process alone.
func (m *Memory) recall(group string, attempts int) bool {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	known := m.known[group]
	if known == nil || m.now().Sub(known.told) >= reminder {
		return false
	}
	known.count += attempts
	return true
}

func (m *Memory) remember(group string, told time.Time) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if len(m.known) >= maxKnown {
		clear(m.known)
	}
	m.known[group] = &remembered{told: told}
}

// forget takes a failure that is over out of this process's memory, and gives
// the attempts that were only counted here.
func (m *Memory) forget(group string) int {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	known := m.known[group]
	delete(m.known, group)
	if known == nil {
		return 0
	}
	return known.count
}

// Claim sees a failure: the first one of its group should be told, and then one
// an hour. It takes one call where it is the first.
func (m *Memory) Claim(ctx context.Context, f Failure, seen Attempts) (Sighting, error) {
	group, attempts := f.Group(), max(len(seen.IDs), 1)
	if !seen.Redelivered && m.recall(group, attempts) {
		return Sighting{Told: true}, nil
	}
	now := m.now().UTC().Truncate(time.Second)
	state := State{
		Group: group, Partition: f.Partition, Account: f.Account, Region: f.Region, Cluster: f.Cluster, Service: f.Service, Definition: f.Definition,
		Instance: f.Instance, Cause: string(f.Reason.ID), Object: f.Reason.Object, Cached: f.Cached, Claimants: seen.IDs[:min(len(seen.IDs), maxClaimants)], Opened: now, Told: now, Seen: now, Count: attempts,
	}
	if m.bucket == "" {
		m.remember(group, now)
		return Sighting{State: state}, nil
	}
	err := m.write(ctx, &state)
	if err == nil {
		m.remember(group, now)
		return Sighting{State: state}, nil
	}
	if !met(err) {
		return Sighting{}, err
	}
	known, err := m.Load(ctx, statePrefix+group+".json")
	switch {
	case err != nil:
		return Sighting{}, err
	case known == nil:
		// It ended just now; the redelivery opens it again.
		return Sighting{}, fmt.Errorf("the state of failure %s went away while it was read", group)
	case seen.Redelivered && known.Told.Equal(known.Opened) && slices.ContainsFunc(seen.IDs, func(id string) bool { return slices.Contains(known.Claimants, id) }):
		// The run that opened it was cut off, maybe before it reported anything.
		m.remember(group, known.Told)
		return Sighting{State: *known}, nil
	case now.Sub(known.Told) < reminder:
		m.remember(group, known.Told)
		m.recall(group, attempts)
		return Sighting{Told: true, State: *known}, nil
	}
	known.Count += attempts + m.forget(group)
	known.Told, known.Seen = now, now
	switch err := m.write(ctx, known); {
	case met(err):
		// Another invocation tells.
		m.remember(group, now)
		return Sighting{Told: true, State: *known}, nil
	case err != nil:
		return Sighting{}, err
	}
	m.remember(group, now)
	return Sighting{State: *known, Again: true}, nil
}

// met reports whether a conditional write met another one's.
func met(err error) bool {
	return awserror.HasCode(err, "PreconditionFailed", "ConditionalRequestConflict")
}

func (m *Memory) write(ctx context.Context, state *State) error {
	body, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("describe the state of a failure: %w", err)
	}
	input := &s3.PutObjectInput{
		Bucket: &m.bucket, Key: aws.String(statePrefix + state.Group + ".json"), Body: bytes.NewReader(body), ContentType: aws.String("application/json"),
	}
	if state.tag == "" {
		input.IfNoneMatch = aws.String("*")
	} else {
		input.IfMatch = aws.String(state.tag)
	}
	output, err := m.storage.PutObject(ctx, input)
	if err != nil {
		return fmt.Errorf("write the state of a failure to %s: %w", m.bucket, err)
	}
	state.tag = aws.ToString(output.ETag)
	return nil
}

// Load reads a state; nil where there is none, or none that can be read.
func (m *Memory) Load(ctx context.Context, key string) (*State, error) {
	output, err := m.storage.GetObject(ctx, &s3.GetObjectInput{Bucket: &m.bucket, Key: &key})
	if awserror.HasCode(err, "NoSuchKey", "NotFound") {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the state of a failure in %s: %w", m.bucket, err)
	}
	defer func() { _ = output.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(output.Body, maxState))
	if err != nil {
		return nil, fmt.Errorf("read the state of a failure in %s: %w", m.bucket, err)
	}
	state := &State{}
	if json.Unmarshal(body, state) != nil || statePrefix+state.Group+".json" != key {
		// Not written by this function: start over.
		return &State{Group: strings.TrimSuffix(strings.TrimPrefix(key, statePrefix), ".json"), tag: aws.ToString(output.ETag)}, nil
	}
	state.tag = aws.ToString(output.ETag)
	return state, nil
}

// maxOpen bounds how many failures one look follows up.
const maxOpen = 200

// Open lists the failures that were reported and are not over.
func (m *Memory) Open(ctx context.Context) ([]State, error) {
	if m.bucket == "" {
		return nil, nil
	}
	output, err := m.storage.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &m.bucket, Prefix: aws.String(statePrefix), MaxKeys: aws.Int32(maxOpen)})
	if err != nil {
		return nil, fmt.Errorf("list the failures in %s: %w", m.bucket, err)
	}
	var open []State
	for _, object := range output.Contents {
		state, err := m.Load(ctx, aws.ToString(object.Key))
		if err != nil {
			return nil, err
		}
		if state != nil {
			open = append(open, *state)
		}
	}
	return open, nil
}

// Close ends a failure.
func (m *Memory) Close(ctx context.Context, state State) error {
	m.forget(state.Group)
	if m.bucket == "" {
		return nil
	}
	_, err := m.storage.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &m.bucket, Key: aws.String(statePrefix + state.Group + ".json")})
	if err != nil {
		return fmt.Errorf("end the failure %s: %w", state.Group, err)
	}
	return nil
}
