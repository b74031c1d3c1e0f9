// Package mute holds the findings that somebody has accepted: mute.json in the
// stack's report bucket. Muted findings are counted and listed, and no message is
// sent about them.
//
// Matching is pure. A mute hides nothing forever: each has a reason and a last
// day, and one that has ended is mentioned in the next message about its finding.
package mute

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
	"github.com/ecs-guardrails/ecs-guardrails/shared/wildcard"
)

const (
	// Key is the document's, in the report bucket.
	Key = "mute.json"
	// maxSize bounds the document, in bytes, and maxMutes its entries.
	maxSize, maxMutes = 256 << 10, 1000
	// maxText bounds a pattern or reason, in bytes. An S3 key has 1,024 at most.
	maxText = 1200
)

// Mute accepts findings. A field that is "" matches everything; in subject, code
// and owner, * is any text.
type Mute struct {
	// Subject is a result's, without the version of an object and the revision of a
	// task definition: role/web, s3://bucket/key, or the ARN of a family.
	Subject string `json:"subject,omitempty"`
	Code    string `json:"code,omitempty"`
	// Owner is the tool that manages the subject, as in "Terraform" or
	// "CloudFormation (acme-prod)".
	Owner  string `json:"owner,omitempty"`
	Reason string `json:"reason"`
	// Until is the last day, in UTC, as YYYY-MM-DD.
	Until string `json:"until"`
}

// String says what the mute is about, for people.
func (m Mute) String() string {
	var parts []string
	for _, part := range [][2]string{{"subject", m.Subject}, {"code", m.Code}, {"owner", m.Owner}} {
		if part[1] != "" {
			parts = append(parts, part[0]+" "+secretshape.Mask(part[1]))
		}
	}
	return fmt.Sprintf("%s (%s; until %s)", strings.Join(parts, ", "), secretshape.Mask(m.Reason), m.Until)
}

func (m Mute) check() error {
	for name, text := range map[string]string{"subject": m.Subject, "code": m.Code, "owner": m.Owner, "reason": m.Reason} {
		if len(text) > maxText {
			return fmt.Errorf("%s is longer than %d bytes", name, maxText)
		}
	}
	_, err := time.Parse(time.DateOnly, m.Until)
	switch {
	case strings.Trim(m.Subject+m.Code+m.Owner, "* ") == "":
		return errors.New("it would mute everything: name a subject, a code or an owner")
	case strings.TrimSpace(m.Reason) == "":
		return errors.New("it has no reason: say why the finding is accepted")
	case err != nil:
		return errors.New("until is not a day such as 2027-03-31")
	}
	return nil
}

// hasEnded reports whether the last day is over.
func (m Mute) hasEnded(now time.Time) bool {
	last, err := time.Parse(time.DateOnly, m.Until)
	return err != nil || !now.Before(last.AddDate(0, 0, 1))
}

func (m Mute) matches(subject, code, owner string) bool {
	return (m.Subject == "" || wildcard.Match(m.Subject, subject) || wildcard.Match(m.Subject, finding.StableSubject(subject))) &&
		(m.Code == "" || wildcard.Match(m.Code, code)) &&
		(m.Owner == "" || wildcard.Match(m.Owner, owner))
}

// List is the whole document. Its zero value mutes nothing.
type List struct {
	Mutes []Mute `json:"mutes"`
	// Problem says why nothing is muted although there is a document.
	Problem string `json:"-"`
}

// Parse reads the document. An error says which entry is wrong, and what to write;
// then nothing is muted: half a list would be a guess.
func Parse(content []byte) (List, error) {
	if len(content) > maxSize {
		return List{}, fmt.Errorf("%s is larger than %d KiB", Key, maxSize>>10)
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	var list List
	if err := decoder.Decode(&list); err != nil {
		// It repeats the names of fields.
		return List{}, fmt.Errorf(`%s is not {"mutes": [{"subject": "…", "code": "…", "reason": "…", "until": "YYYY-MM-DD"}]}: %s`, Key, secretshape.Mask(err.Error()))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return List{}, fmt.Errorf("%s goes on after the JSON object", Key)
	}
	if len(list.Mutes) > maxMutes {
		return List{}, fmt.Errorf("%s has more than %d entries: use patterns", Key, maxMutes)
	}
	for i, mute := range list.Mutes {
		if err := mute.check(); err != nil {
			return List{}, fmt.Errorf("entry %d of %s: %w", i+1, Key, err)
		}
	}
	return list, nil
}

// Muted is a finding that somebody accepted.
type Muted struct {
	Code   string `json:"code"`
	Reason string `json:"reason"`
	Until  string `json:"until"`
}

// Split is a result with the muted findings apart.
type Split struct {
	// Result has the findings that aren't muted.
	finding.Result
	Muted []Muted
	// Ended are mutes that matched one of the remaining findings until they ended.
	Ended []Mute
	// Hidden says that nothing is left that somebody should act on.
	Hidden bool
}

// Apply takes the muted findings out of a result. What was changed, and what could
// not be found out, is always told, and so is information: it asks for nothing.
func (l List) Apply(result finding.Result, now time.Time) Split {
	split := Split{Result: result}
	if len(l.Mutes) == 0 || result.Status != finding.Noncompliant && result.Status != finding.Planned {
		return split
	}
	split.Findings = make([]finding.Finding, 0, len(result.Findings))
	standing := 0
	for _, f := range result.Findings {
		if f.Severity != finding.Info {
			mute, muted := l.active(result, f.Code, now)
			if muted {
				split.Muted = append(split.Muted, Muted{f.Code, mute.Reason, mute.Until})
				continue
			}
			standing++
			if mute.Until != "" {
				split.Ended = append(split.Ended, mute)
			}
		}
		split.Findings = append(split.Findings, f)
	}
	split.Hidden = len(split.Muted) > 0 && standing == 0
	return split
}

// active gives the first mute of a finding that hasn't ended, or else one that has.
func (l List) active(result finding.Result, code string, now time.Time) (ended Mute, muted bool) {
	for _, mute := range l.Mutes {
		if !mute.matches(result.Subject, code, result.Owner.String()) {
			continue
		}
		if !mute.hasEnded(now) {
			return mute, true
		}
		ended = mute
	}
	return ended, false
}

// Ended lists the mutes whose last day is over, to be renewed or deleted.
func (l List) Ended(now time.Time) (ended []Mute) {
	for _, mute := range l.Mutes {
		if mute.hasEnded(now) {
			ended = append(ended, mute)
		}
	}
	return ended
}
