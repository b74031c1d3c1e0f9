// Package digest gathers the findings of a time into few messages for people. It
// is pure: events in, messages out. It trusts no text in an event: what people
// read is made here from the report's fields, escaped for where it is shown.
package digest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"ecsguardrails/shared/escape"
	"ecsguardrails/shared/event"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/publish"
	"ecsguardrails/shared/sweepreport"
)

// Event is a finding, or a sweep's summary, as EventBridge delivers it.
type Event struct {
	Account, Region string
	Time            time.Time
	// Function, Mode and Result are a finding's.
	Function string
	Mode     finding.Mode
	Result   finding.Result
	// Sweep is set for a sweep's summary instead.
	Sweep *sweepreport.Summary
}

// name is what a function's name, a code and an account may look like.
var (
	name    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)
	account = regexp.MustCompile(`^\d{12}$`)
	region  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)
)

// Read takes an event apart. What does not have the shape of ours is an error:
// somebody else wrote it.
func Read(of event.Notification) (Event, error) {
	if of.Source != publish.Source || !account.MatchString(of.Account) || !region.MatchString(of.Region) {
		return Event{}, errors.New("read an event: the source, account or region is not one of ours")
	}
	read := Event{Account: of.Account, Region: of.Region, Time: of.Time}
	switch of.DetailType {
	case publish.FindingType:
		var detail struct {
			Function string `json:"function"`
			// Tagged like the result's own, of which it is the one that is written.
			Mode finding.Mode `json:"mode"`
			finding.Result
		}
		if err := json.Unmarshal(of.Detail, &detail); err != nil {
			return Event{}, fmt.Errorf("read a finding: %w", err)
		}
		read.Function, read.Mode, read.Result = detail.Function, detail.Mode, detail.Result
		return read, read.check()
	case publish.SweepSummaryType:
		read.Sweep = &sweepreport.Summary{}
		if err := json.Unmarshal(of.Detail, read.Sweep); err != nil {
			return Event{}, fmt.Errorf("read a sweep's summary: %w", err)
		}
		return read, nil
	default:
		return Event{}, errors.New("read an event: the detail-type is not one of ours")
	}
}

func (e Event) check() error {
	if !name.MatchString(e.Function) || !slices.Contains(finding.Statuses(), e.Result.Status) {
		return errors.New("read a finding: the function or the status is not one of ours")
	}
	for _, f := range e.Result.Findings {
		if !name.MatchString(f.Code) {
			return errors.New("read a finding: a code is not one of ours")
		}
	}
	return nil
}

// Message is what people get.
type Message struct {
	// Subject is an e-mail's, Mail its text.
	Subject, Mail string
	// Chat is a custom notification of Amazon Q Developer in chat applications, as
	// JSON.
	Chat []byte
}

const (
	// maxGroups is how many problems a digest tells of, and maxSubjects how many
	// subjects of each it names.
	maxGroups, maxSubjects = 12, 5
	// maxTitle and maxDescription are what a chat message's title and description
	// can have, in characters, with room for what escaping adds.
	maxTitle, maxDescription = 220, 7000
)

// Messages gives one message for each account and region with findings, and one
// for each sweep: side by side, many equal findings are one line.
func Messages(events []Event) ([]Message, error) {
	places := map[[2]string][]Event{}
	var messages []Message
	for _, of := range events {
		if of.Sweep != nil {
			message, err := ofSweep(of)
			if err != nil {
				return nil, err
			}
			messages = append(messages, message)
			continue
		}
		place := [2]string{of.Account, of.Region}
		places[place] = append(places[place], of)
	}
	for _, place := range slices.SortedFunc(maps.Keys(places), func(a, b [2]string) int {
		return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1]))
	}) {
		told := latest(places[place])
		write := ofMany
		if len(told) == 1 {
			write = ofOne
		}
		message, err := write(told)
		if err != nil {
			return nil, err
		}
		messages = append(messages, message)
	}
	return messages, nil
}

// latest keeps the last event of each subject and function: what it was before is
// over.
func latest(events []Event) []Event {
	var kept []Event
	index := map[string]int{}
	for _, of := range events {
		key := of.Function + " " + of.Result.Subject
		if place, seen := index[key]; seen {
			if !of.Time.Before(kept[place].Time) {
				kept[place] = of
			}
			continue
		}
		index[key] = len(kept)
		kept = append(kept, of)
	}
	return kept
}

// where says whose finding it is.
func (e Event) where() string {
	return fmt.Sprintf("in account %s, %s, at %s", e.Account, e.Region, e.Time.UTC().Format(time.RFC3339))
}

func ofOne(events []Event) (Message, error) {
	of := events[0]
	words := publish.InWords(of.Result)
	last := fmt.Sprintf("%s: %s, by %s (%s) %s", of.Result.Status, words.Subject, of.Function, of.Mode, of.where())
	lines := []string{words.Findings, words.Actions}
	if of.Result.Owner.IsKnown() {
		lines = append(lines, "Managed by "+of.Result.Owner.String()+".")
	}
	thread := cmp.Or(of.Result.ID, words.Subject)
	return message(words.Title, append(lines, last), thread, string(of.Result.Status), []string{words.Subject})
}

func ofSweep(of Event) (Message, error) {
	words := publish.SweepInWords(*of.Sweep)
	last := fmt.Sprintf("%s (%s) %s", words.Subject, of.Sweep.Mode, of.where())
	return message(words.Title, []string{words.Findings, words.Actions, last}, "sweep", "sweep", []string{words.Subject})
}

// group is the findings of one problem.
type group struct {
	function string
	status   finding.Status
	worst    finding.Finding
	subjects []string
}

// order puts what needs somebody first.
var order = []finding.Status{finding.Failed, finding.Noncompliant, finding.Planned, finding.Remediated, finding.Skipped, finding.Compliant}

// several says what became of several subjects.
var several = map[finding.Status]string{
	finding.Failed: "failed, and will be tried again", finding.Noncompliant: "need you", finding.Planned: "would be fixed",
	finding.Remediated: "fixed", finding.Skipped: "left alone", finding.Compliant: "right",
}

func ofMany(events []Event) (Message, error) {
	groups, index := []group{}, map[string]int{}
	counts := map[finding.Status]int{}
	for _, of := range events {
		worst, _ := of.Result.Gravest()
		counts[of.Result.Status]++
		key := of.Function + " " + string(of.Result.Status) + " " + worst.Code
		place, seen := index[key]
		if !seen {
			place = len(groups)
			index[key] = place
			groups = append(groups, group{function: of.Function, status: of.Result.Status, worst: worst})
		}
		groups[place].subjects = append(groups[place].subjects, of.Result.Subject)
	}
	slices.SortStableFunc(groups, func(a, b group) int {
		return cmp.Or(
			slices.Index(order, a.status)-slices.Index(order, b.status),
			slices.Index(severities, a.worst.Severity)-slices.Index(severities, b.worst.Severity),
			len(b.subjects)-len(a.subjects),
		)
	})
	var parts, lines []string
	for _, status := range order {
		if counts[status] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[status], several[status]))
		}
	}
	for i, problem := range groups {
		if i == maxGroups {
			lines = append(lines, fmt.Sprintf("and %d more problems; the functions' logs have all of them.", len(groups)-maxGroups))
			break
		}
		lines = append(lines, fmt.Sprintf("(%d) %s", i+1, problem.line()))
	}
	title := fmt.Sprintf("%d findings: %s", len(events), strings.Join(parts, ", "))
	lines = append(lines, fmt.Sprintf("%d subjects %s", len(events), events[len(events)-1].where()))
	resources := groups[0].subjects[:min(maxSubjects, len(groups[0].subjects))]
	return message(title, lines, "digest-"+groups[0].function, string(groups[0].status), resources)
}

var severities = []finding.Severity{finding.Error, finding.Warning, finding.Info}

func (g group) line() string {
	line := publish.Opening(g.status)
	if g.worst.Code != "" {
		line += ", " + string(g.worst.Severity) + " " + g.worst.Code
	}
	line += fmt.Sprintf(" (%s, %d): %s", g.function, len(g.subjects), strings.Join(g.subjects[:min(maxSubjects, len(g.subjects))], ", "))
	if more := len(g.subjects) - maxSubjects; more > 0 {
		line += fmt.Sprintf(" and %d more", more)
	}
	if g.worst.Message != "" {
		line += ". " + publish.Sentence(g.worst.Message)
	}
	if g.worst.Severity != finding.Info && g.worst.Fix != "" {
		line += " To do: " + publish.Sentence(g.worst.Fix)
	}
	return line
}

// notification is a custom notification ("Custom notifications" in the guide of
// Amazon Q Developer in chat applications).
type notification struct {
	Version  string   `json:"version"`
	Source   string   `json:"source"`
	Content  content  `json:"content"`
	Metadata metadata `json:"metadata"`
}

type content struct {
	TextType    string `json:"textType"`
	Title       string `json:"title"`
	Description string `json:"description"`
}

type metadata struct {
	// ThreadID keeps what is about one thing in one thread.
	ThreadID         string   `json:"threadId"`
	Summary          string   `json:"summary"`
	EventType        string   `json:"eventType"`
	RelatedResources []string `json:"relatedResources"`
}

func message(title string, lines []string, thread, kind string, resources []string) (Message, error) {
	title = "ECS Guardrails: " + clip(escape.Line(title), maxTitle)
	mail, chat := []string{title}, []string{}
	for _, line := range lines {
		mail = append(mail, escape.Line(line))
		chat = append(chat, escape.Chat(line))
	}
	related := make([]string, len(resources))
	for i, resource := range resources {
		related[i] = escape.Chat(resource)
	}
	document, err := json.Marshal(notification{
		Version: "1.0", Source: "custom",
		Content:  content{"client-markdown", clip(escape.Chat(title), maxTitle+30), clip(strings.Join(chat, "\n"), maxDescription)},
		Metadata: metadata{clip(escape.Chat(thread), maxTitle), clip(escape.Chat(title), maxTitle+30), kind, related},
	})
	if err != nil {
		return Message{}, fmt.Errorf("write a chat message: %w", err)
	}
	return Message{Subject: escape.Subject(title), Mail: strings.Join(mail, "\n"), Chat: document}, nil
}

// clip cuts a text of more characters than that, and no entity in two.
func clip(text string, characters int) string {
	runes := []rune(text)
	if len(runes) <= characters {
		return text
	}
	cut := string(runes[:characters-1])
	if open := strings.LastIndexByte(cut, '&'); open > len(cut)-6 && open >= 0 && !strings.Contains(cut[open:], ";") {
		cut = cut[:open]
	}
	return cut + "…"
}
