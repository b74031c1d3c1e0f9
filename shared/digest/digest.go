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

	"github.com/ecs-guardrails/ecs-guardrails/shared/catalogue"
	"github.com/ecs-guardrails/ecs-guardrails/shared/console"
	"github.com/ecs-guardrails/ecs-guardrails/shared/escape"
	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/mute"
	"github.com/ecs-guardrails/ecs-guardrails/shared/publish"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweepreport"
)

// Event is a finding, a sweep's summary, or news that all is well, as EventBridge
// delivers it.
type Event struct {
	Account, Region string
	Time            time.Time
	// Function, Mode and Result are a finding's.
	Function string
	Mode     finding.Mode
	Result   finding.Result
	// Sweep is set for a sweep's summary instead, Clear for subjects that are right.
	Sweep *sweepreport.Summary
	Clear *publish.Cleared
}

// name is what a function's name, a code and an account may look like.
var (
	name    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)
	account = regexp.MustCompile(`^\d{12}$`)
	region  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)
	id      = regexp.MustCompile(`^[0-9a-f]{16}$`)
	// problemID is the id of a result with a finding.
	problemID = regexp.MustCompile(`^[0-9a-f]{16}\.[a-z][a-z0-9-]{0,63}$`)
)

// Read takes an event apart. What does not have the shape of ours is an error:
// somebody else wrote it.
func Read(notification event.Notification) (Event, error) {
	if notification.Source != publish.Source || !account.MatchString(notification.Account) || !region.MatchString(notification.Region) {
		return Event{}, errors.New("read an event: the source, account or region is not one of ours")
	}
	read := Event{Account: notification.Account, Region: notification.Region, Time: notification.Time}
	switch notification.DetailType {
	case publish.FindingType:
		var detail struct {
			Function string `json:"function"`
			// Tagged like the result's own, of which it is the one that is written.
			Mode finding.Mode `json:"mode"`
			finding.Result
		}
		if err := json.Unmarshal(notification.Detail, &detail); err != nil {
			return Event{}, fmt.Errorf("read a finding: %w", err)
		}
		read.Function, read.Mode, read.Result = detail.Function, detail.Mode, detail.Result
		return read, read.check()
	case publish.SweepSummaryType:
		read.Sweep = &sweepreport.Summary{}
		if err := json.Unmarshal(notification.Detail, read.Sweep); err != nil {
			return Event{}, fmt.Errorf("read a sweep's summary: %w", err)
		}
		return read, nil
	case publish.ClearType:
		read.Clear = &publish.Cleared{}
		if err := json.Unmarshal(notification.Detail, read.Clear); err != nil {
			return Event{}, fmt.Errorf("read what is clear: %w", err)
		}
		if slices.ContainsFunc(read.Clear.Subjects, func(s publish.ClearedSubject) bool { return !id.MatchString(s.ID) }) {
			return Event{}, errors.New("read what is clear: an id is not one of ours")
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
	// maxGroups is how many problems a digest reports, and maxSubjects how many
	// subjects of each it names.
	maxGroups, maxSubjects = 12, 5
	// maxTitle and maxDescription are what a chat message's title and description
	// can have, in characters, with room for what escaping adds.
	maxTitle, maxDescription = 220, 7000
)

// messagesOf gives one message for each account and region with findings, and one
// for each sweep: side by side, many equal findings are one line. Findings that
// are muted at the time now are left out; what is muted whole is no message. Notes
// stand at the end of messages about findings.
func messagesOf(events []Event, mutes mute.List, notes []string, bucket Bucket, now time.Time) ([]Message, error) {
	places := map[[2]string][]Event{}
	var messages []Message
	for _, event := range events {
		if event.Clear != nil {
			continue
		}
		if event.Sweep != nil {
			// No one is told each day that all is well.
			if event.Sweep.Wrong == 0 && len(event.Sweep.Resolved) == 0 {
				continue
			}
			message, err := ofSweep(event)
			if err != nil {
				return nil, err
			}
			messages = append(messages, message)
			continue
		}
		place := [2]string{event.Account, event.Region}
		places[place] = append(places[place], event)
	}
	for _, place := range slices.SortedFunc(maps.Keys(places), func(a, b [2]string) int {
		return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1]))
	}) {
		told, aside := withoutMuted(places[place], mutes, now)
		if len(told) == 0 {
			continue
		}
		write := ofMany
		if len(told) == 1 {
			write = ofOne
		}
		draft, worst := write(told, append(aside, notes...))
		draft.accept(worst, bucket, now)
		message, err := draft.message()
		if err != nil {
			return nil, err
		}
		messages = append(messages, message)
	}
	return messages, nil
}

// latest keeps the last finding of each subject and function of a place, and all
// other events: what it was before is over.
func latest(events []Event) []Event {
	var kept []Event
	index := map[string]int{}
	for _, event := range events {
		if event.Sweep != nil || event.Clear != nil {
			kept = append(kept, event)
			continue
		}
		key := strings.Join([]string{event.Account, event.Region, event.Function, event.Result.Subject}, " ")
		if place, seen := index[key]; seen {
			if !event.Time.Before(kept[place].Time) {
				kept[place] = event
			}
			continue
		}
		index[key] = len(kept)
		kept = append(kept, event)
	}
	return kept
}

// withoutMuted takes the muted findings out of the events, and gives lines about
// them for the end of a message.
func withoutMuted(events []Event, mutes mute.List, now time.Time) (told []Event, aside []string) {
	muted, ended := map[string]int{}, map[string]bool{}
	for _, event := range events {
		split := mutes.Apply(event.Result, now)
		for _, m := range split.Muted {
			muted[m.Code]++
		}
		for _, m := range split.Ended {
			ended[m.String()] = true
		}
		if !split.Hidden {
			event.Result = split.Result
			told = append(told, event)
		}
	}
	if len(muted) > 0 {
		var parts []string
		for _, code := range slices.Sorted(maps.Keys(muted)) {
			parts = append(parts, fmt.Sprintf("%d %s", muted[code], code))
		}
		aside = append(aside, "Muted, so not listed here: "+strings.Join(parts, ", ")+".")
	}
	for _, m := range slices.Sorted(maps.Keys(ended)) {
		aside = append(aside, "A mute has ended: "+m+". Renew it in "+mute.Key+", or delete it there.")
	}
	if mutes.Problem != "" {
		aside = append(aside, publish.Sentence("Mutes: "+mutes.Problem))
	}
	return told, aside
}

// where says whose finding it is.
func (e Event) where() string {
	return fmt.Sprintf("in account %s, %s, at %s", e.Account, e.Region, e.Time.UTC().Format(time.RFC3339))
}

func ofOne(events []Event, aside []string) (draft, finding.Result) {
	event := events[0]
	words := publish.InFull(event.Result)
	last := fmt.Sprintf("%s: %s, by %s (%s) %s", event.Result.Status, words.Subject, event.Function, event.Mode, event.where())
	lines := []string{words.Findings, words.Actions}
	if event.Result.Owner.IsKnown() {
		lines = append(lines, "Managed by "+event.Result.Owner.String()+".")
	}
	if event.Result.ID != "" {
		lines = append(lines, idLine(event.Result.ID))
	}
	lines = append(append(lines, aside...), last)
	// All that concerns one subject is one thread, whatever is wrong with it.
	thread := finding.SubjectID(event.Result.ID)
	message := draft{
		title: words.Title, subject: subjectLine(publish.Opening(event.Result), event.Result), lines: lines,
		thread: cmp.Or(thread, words.Subject), kind: string(event.Result.Status), resources: []string{words.Subject},
	}
	message.link("Open it", console.Of(event.Region, event.Result.Subject))
	if worst, ok := event.Result.Gravest(); ok {
		message.explain(worst)
	}
	return message, event.Result
}

// subjectLine is an e-mail's subject: what it asks, the name and the cause, in 80
// characters. A message that names the subject itself needs no name before it.
func subjectLine(opening string, result finding.Result) string {
	name := shortName(result.Subject)
	worst, ok := result.Gravest()
	cause := strings.TrimPrefix(worst.Message, "cured: ")
	switch {
	case !ok:
		return opening + ": " + name
	case worst.Headline:
		return cause
	case strings.Contains(clip(cause, maxSubjectLine-len(opening)), name):
		return opening + ": " + cause
	default:
		return opening + ": " + name + ": " + cause
	}
}

// shortName is the part of a subject by which people know it.
func shortName(subject string) string {
	const most = 32
	name := finding.StableSubject(subject)
	if _, key, found := strings.Cut(strings.TrimPrefix(name, "s3://"), "/"); found && strings.HasPrefix(name, "s3://") {
		name = key
	}
	if _, after, found := strings.Cut(name, ":secret:"); found {
		name = after[:max(len(after)-len("-abcdef"), 0)]
	} else if !strings.HasPrefix(subject, "s3://") {
		name = name[strings.LastIndexByte(name, '/')+1:]
	}
	if runes := []rune(name); len(runes) > most {
		name = "..." + string(runes[len(runes)-most+3:])
	}
	return cmp.Or(name, subject)
}

func ofSweep(event Event) (Message, error) {
	words := publish.SweepInFull(*event.Sweep)
	last := fmt.Sprintf("%s (%s) %s", words.Subject, event.Sweep.Mode, event.where())
	message := draft{
		title: words.Title, subject: words.Title, lines: []string{words.Findings, words.Actions, last},
		thread: "sweep", kind: "sweep", resources: []string{words.Subject},
	}
	message.link("Open the report", console.Object(event.Region, event.Sweep.Page))
	return message.message()
}

// group is the findings of one problem.
type group struct {
	function string
	status   finding.Status
	opening  string
	worst    finding.Finding
	subjects []string
	// first is the result of the first subject.
	first finding.Result
}

// order puts what needs somebody first.
var order = []finding.Status{finding.Failed, finding.Noncompliant, finding.Planned, finding.Remediated, finding.Skipped, finding.Compliant}

// several reports the outcomes for several subjects.
var several = map[finding.Status]string{
	finding.Failed: "failed, and will be tried again", finding.Noncompliant: "need you", finding.Planned: "would be fixed",
	finding.Remediated: "fixed", finding.Skipped: "left alone", finding.Compliant: "right",
}

func ofMany(events []Event, aside []string) (draft, finding.Result) {
	groups, index := []group{}, map[string]int{}
	counts := map[finding.Status]int{}
	for _, event := range events {
		worst, _ := event.Result.Gravest()
		counts[event.Result.Status]++
		opening := publish.Opening(event.Result)
		key := event.Function + " " + opening + " " + worst.Code
		place, seen := index[key]
		if !seen {
			place = len(groups)
			index[key] = place
			groups = append(groups, group{function: event.Function, status: event.Result.Status, opening: opening, worst: worst, first: event.Result})
		}
		groups[place].subjects = append(groups[place].subjects, event.Result.Subject)
	}
	slices.SortStableFunc(groups, func(a, b group) int {
		return cmp.Or(
			a.urgency()-b.urgency(),
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
	lines = append(append(lines, aside...), fmt.Sprintf("%d subjects %s", len(events), events[len(events)-1].where()))
	worst := groups[0]
	message := draft{
		title: title, lines: lines, thread: "digest-" + worst.function, kind: string(worst.status),
		subject:   fmt.Sprintf("%d %s: %s", counts[worst.status], several[worst.status], subjectCause(worst)),
		resources: worst.subjects[:min(maxSubjects, len(worst.subjects))],
	}
	message.link("Open the first", console.Of(events[0].Region, worst.subjects[0]))
	message.explain(worst.worst)
	return message, worst.first
}

// subjectCause is the name and the cause of the worst problem of a digest.
func subjectCause(worst group) string {
	name, cause := shortName(worst.subjects[0]), strings.TrimPrefix(worst.worst.Message, "cured: ")
	if cause == "" || strings.Contains(cause, name) {
		return cmp.Or(cause, name)
	}
	return name + ": " + cause
}

// urgency orders groups: an error that stands, another finding that stands, the rest.
func (g group) urgency() int {
	switch {
	case g.status != finding.Failed && g.status != finding.Noncompliant && g.status != finding.Planned:
		return 2
	case g.worst.Severity == finding.Error:
		return 0
	default:
		return 1
	}
}

var severities = []finding.Severity{finding.Error, finding.Warning, finding.Info}

func (g group) line() string {
	line := g.opening
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
	// NextSteps are shown as a list.
	NextSteps []string `json:"nextSteps,omitempty"`
}

type metadata struct {
	// ThreadID keeps what is about one thing in one thread.
	ThreadID         string   `json:"threadId"`
	Summary          string   `json:"summary"`
	EventType        string   `json:"eventType"`
	RelatedResources []string `json:"relatedResources"`
}

// draft is a message before it is written for a mailbox and a chat.
type draft struct {
	title, subject string
	lines          []string
	// links are ours: their addresses are escaped where they are made.
	links [][2]string
	// more is where the documents and the command line explain the worst finding.
	more string
	// steps are commands that can be pasted, each with what it is for.
	steps        []string
	thread, kind string
	resources    []string
}

// link adds an address of the console, if there is one.
func (d *draft) link(text, address string) {
	if address != "" {
		d.links = append(d.links, [2]string{text, address})
	}
}

// explain says where the page of a code is, where it is one of ours.
func (d *draft) explain(worst finding.Finding) {
	if entry, ok := catalogue.Of(worst.Code); ok {
		d.more = "What it means and what to do: " + entry.Page()
	}
}

// Bucket is where findings can be muted.
type Bucket struct{ Name, Region string }

// options names it to the command that mutes.
func (b Bucket) options() string {
	if b.Region == "" {
		return b.Name
	}
	return b.Name + " --region " + b.Region
}

// muteDays is how long the command for accepting a finding mutes it, in days.
const muteDays = 90

// accept gives the command that mutes a finding that stands, by its id: a name from
// outside has no place in what people paste.
func (d *draft) accept(result finding.Result, bucket Bucket, now time.Time) {
	worst, _ := result.Gravest()
	if bucket.Name == "" || !problemID.MatchString(result.ID) || worst.Severity == finding.Info ||
		result.Status != finding.Noncompliant && result.Status != finding.Planned {
		return
	}
	d.steps = append(d.steps, fmt.Sprintf("Accept it: go run ./functions/sweep mute --bucket %s --id %s --until %s --reason 'WRITE WHY'",
		bucket.options(), result.ID, now.UTC().AddDate(0, 0, muteDays).Format(time.DateOnly)))
}

// maxSubjectLine is what a lock screen shows of an e-mail's subject.
const maxSubjectLine = 80

func (d draft) message() (Message, error) {
	title := "ECS Guardrails: " + clip(escape.Line(d.title), maxTitle)
	mail, chat := []string{title}, []string{}
	for _, line := range d.lines[:len(d.lines)-1] {
		mail = append(mail, escape.Line(line))
		chat = append(chat, escape.Chat(line))
	}
	for _, link := range d.links {
		mail = append(mail, link[0]+": "+link[1])
		chat = append(chat, "["+link[0]+"]("+link[1]+")")
	}
	if d.more != "" {
		mail = append(mail, d.more)
		chat = append(chat, d.more)
	}
	mail = append(mail, d.steps...)
	steps := make([]string, len(d.steps))
	for i, step := range d.steps {
		steps[i] = escape.Chat(step)
	}
	last := d.lines[len(d.lines)-1]
	mail, chat = append(mail, escape.Line(last)), append(chat, escape.Chat(last))
	related := make([]string, len(d.resources))
	for i, resource := range d.resources {
		related[i] = escape.Chat(resource)
	}
	document, err := json.Marshal(notification{
		Version: "1.0", Source: "custom",
		Content:  content{"client-markdown", clip(escape.Chat(title), maxTitle+30), clip(strings.Join(chat, "\n"), maxDescription), steps},
		Metadata: metadata{clip(escape.Chat(d.thread), maxTitle), clip(escape.Chat(title), maxTitle+30), d.kind, related},
	})
	if err != nil {
		return Message{}, fmt.Errorf("write a chat message: %w", err)
	}
	return Message{Subject: escape.Subject(shortened(escape.Line(d.subject))), Mail: strings.Join(mail, "\n"), Chat: document}, nil
}

// shortened cuts a subject after a word, with three full stops: a subject is ASCII.
func shortened(text string) string {
	runes := []rune(text)
	if len(runes) <= maxSubjectLine {
		return text
	}
	cut := string(runes[:maxSubjectLine-3])
	if end := strings.LastIndexByte(cut, ' '); end > maxSubjectLine/2 {
		cut = cut[:end]
	}
	return strings.TrimRight(cut, " ,;:") + "..."
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
