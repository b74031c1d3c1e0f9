package endtoend

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/metric"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// mail is what a person reads of one finding, digest of several that came
// together, and sweepMail of a sweep.
var (
	mail = regexp.MustCompile(`^ECS Guardrails: (.+)
Found: .+
Changes: .+
(?:Managed by .+\.
)?ID: [0-9a-f]{16}\.[a-z0-9-]+
(?:Open it: https://\S+
)?(?:What it means and what to do: docs/findings/[a-z0-9-]+\.md
)?(?:Accept it: go run \./functions/sweep mute --bucket [a-z0-9-]+ --region [a-z0-9-]+ --id [0-9a-f]{16}\.[a-z0-9-]+ --until \d{4}-\d\d-\d\d --reason 'WRITE WHY'
)?(remediated|planned|noncompliant|failed|compliant|skipped): .+, by ([a-z-]+) \((?:enforce|dry-run)\) in account \d{12}, [a-z0-9-]+, at \d{4}-\S+$`)
	// opening begins the title of every function but diagnose-failure, whose title
	// is the diagnosis.
	opening    = regexp.MustCompile(`^(?:fixed|would be fixed \(dry run\)|waits for your permission|needs you|undone|failed, and will be tried again|looked at again, and (?:right|left alone)): .`)
	digestMail = regexp.MustCompile(`^ECS Guardrails: \d+ findings: .+
(?:\(\d+\) .+
)+(?:and \d+ more problems; .+
)?(?:Open the first: https://\S+
)?(?:What it means and what to do: docs/findings/[a-z0-9-]+\.md
)?(?:Accept it: go run \./functions/sweep mute --bucket .+
)?\d+ subjects in account \d{12}, [a-z0-9-]+, at \d{4}-\S+$`)
	resolvedMail = regexp.MustCompile(`^ECS Guardrails: (?:resolved: .+
Nothing is left to do\. The first message about it was sent at \S+
ID: [0-9a-f]{16}\.[a-z0-9-]+
(?:Open it: https://\S+
)?resolved: .+, by [a-z-]+|\d+ problems are resolved
(?:\(\d+\) .+ ID: [0-9a-f]{16}\.[a-z0-9-]+
)+(?:and \d+ more; .+
)?\d+ subjects) in account \d{12}, [a-z0-9-]+, at \d{4}-\S+$`)
	sweepMail = regexp.MustCompile(`^ECS Guardrails: sweep: .+
The worst: (?:\(1\) .+|nothing\.)
Report: s3://.+\.html
Open the report: https://\S+
sweep [0-9TZ]+-[0-9a-f]{8} \((?:enforce|dry-run)\) in account \d{12}, [a-z0-9-]+, at \d{4}-\S+$`)
	// toldIn are the words of a digest for each status.
	toldIn = map[string]finding.Status{"(fixed": finding.Remediated, "(would be fixed": finding.Planned, "(needs you": finding.Noncompliant}
)

// testMessages reads every message that the run has sent to people.
func testMessages(t *testing.T, w *world) {
	seen := map[string]bool{}
	for _, message := range must(w.topic.Messages(t.Context()))(t) {
		switch parts := mail.FindStringSubmatch(message); {
		case sweepMail.MatchString(message):
			seen["sweep"] = true
		case resolvedMail.MatchString(message):
			seen["resolved"] = true
		case parts != nil:
			seen[parts[2]] = true
			if parts[3] != "diagnose-failure" && !opening.MatchString(parts[1]) {
				t.Errorf("this does not begin well: %s", parts[1])
			}
		case digestMail.MatchString(message):
			for words, status := range toldIn {
				if strings.Contains(strings.ReplaceAll(message, ") ", ") ("), words) {
					seen[string(status)] = true
				}
			}
		default:
			t.Errorf("this does not read well:\n%s", message)
		}
		if first, _, _ := strings.Cut(message, "\n"); utf8.RuneCountInString(first) > 250 {
			t.Errorf("the first line is long: %s", first)
		}
	}
	for _, status := range []finding.Status{finding.Remediated, finding.Planned, finding.Noncompliant} {
		if !seen[string(status)] {
			t.Errorf("no one was informed about anything %s", status)
		}
	}
	if !seen["resolved"] {
		t.Error("no one was informed about anything resolved")
	}
	if !seen["sweep"] {
		t.Error("no one was informed about a sweep")
	}
	for _, message := range must(w.chat.Messages(t.Context()))(t) {
		// "Custom notifications" in the guide of Amazon Q Developer in chat applications.
		var notification struct {
			Version, Source string
			Content         struct{ TextType, Title, Description string }
			Metadata        struct {
				ThreadID         string `json:"threadId"`
				Summary          string
				EventType        string
				RelatedResources []string
			}
		}
		if err := json.Unmarshal([]byte(message), &notification); err != nil {
			t.Errorf("%v in the chat message %s", err, message)
			continue
		}
		content := notification.Content
		if notification.Version != "1.0" || notification.Source != "custom" || content.TextType != "client-markdown" ||
			content.Title == "" || utf8.RuneCountInString(content.Title) > 250 || content.Description == "" || utf8.RuneCountInString(content.Description) > 8000 ||
			notification.Metadata.Summary == "" || notification.Metadata.EventType == "" || notification.Metadata.ThreadID == "" || len(notification.Metadata.RelatedResources) == 0 {
			t.Errorf("no chat shows this: %s", message)
		}
	}
}

// serviceMetrics are those of AWS that widgets and alarms may name, and their
// dimensions ("Available CloudWatch metrics for Amazon SQS", "Types of metrics
// for Lambda functions").
var serviceMetrics = map[string]string{
	"AWS/SQS ApproximateAgeOfOldestMessage":      "QueueName",
	"AWS/SQS ApproximateNumberOfMessagesVisible": "QueueName",
	"AWS/Lambda Errors":                          "FunctionName",
	"AWS/Lambda Throttles":                       "FunctionName",
	"AWS/Lambda Duration":                        "FunctionName",
}

// written is what the functions' logs of the run hold.
type written struct {
	// metrics gives the sorted names of the dimensions, each set once.
	metrics map[string][]string
	// fields are named as Logs Insights names them: findings.0.code.
	fields map[string]bool
}

func (w *world) written(t *testing.T) written {
	all := written{metrics: map[string][]string{}, fields: map[string]bool{"@timestamp": true, "@message": true, "@logStream": true, "@log": true}}
	for _, function := range functions {
		for _, line := range must(w.Log(t.Context(), function))(t) {
			var document struct {
				AWS struct {
					CloudWatchMetrics []struct {
						Namespace  string
						Dimensions [][]string
						Metrics    []struct{ Name string }
					}
				} `json:"_aws"`
			}
			var fields map[string]any
			if json.Unmarshal([]byte(line.Message), &document) != nil || json.Unmarshal([]byte(line.Message), &fields) != nil {
				continue
			}
			all.flatten("", fields)
			for _, directive := range document.AWS.CloudWatchMetrics {
				for _, declared := range directive.Metrics {
					name := directive.Namespace + " " + declared.Name
					dimensions := strings.Join(slices.Sorted(slices.Values(directive.Dimensions[0])), " ")
					if !slices.Contains(all.metrics[name], dimensions) {
						all.metrics[name] = append(all.metrics[name], dimensions)
					}
				}
			}
		}
	}
	for name, dimensions := range serviceMetrics {
		all.metrics[name] = []string{dimensions}
	}
	return all
}

// flatten names what Logs Insights discovers in a JSON line.
func (w written) flatten(path string, value any) {
	switch of := value.(type) {
	case map[string]any:
		for name, inner := range of {
			w.flatten(strings.TrimPrefix(path+"."+name, "."), inner)
		}
	case []any:
		for index, inner := range of {
			w.flatten(path+"."+strconv.Itoa(index), inner)
		}
	default:
		w.fields[path] = true
	}
}

// holds says what is wrong with a metric that somebody names.
func (w written) holds(t *testing.T, who, name string, dimensions []string) {
	t.Helper()
	if known := w.metrics[name]; !slices.Contains(known, strings.Join(slices.Sorted(slices.Values(dimensions)), " ")) {
		t.Errorf("%s names %s by %v, but nothing writes it so: %q", who, name, dimensions, known)
	}
}

// testDashboard holds the deployed dashboard, the alarms and the documented
// queries against what the functions have written.
func testDashboard(t *testing.T, w *world) {
	lines := w.written(t)
	var dashboard struct{ DashboardBody string }
	w.cloudWatch(t, "GetDashboard", map[string]string{"DashboardName": w.Stack.Outputs["Dashboard"]}, &dashboard)
	var body struct {
		Widgets []struct {
			Type                string
			X, Y, Width, Height int
			Properties          struct {
				Title, Region, View, Query string
				Metrics                    [][]any
			}
		}
	}
	if err := json.Unmarshal([]byte(dashboard.DashboardBody), &body); err != nil {
		t.Fatalf("the dashboard's body: %v", err)
	}
	for _, widget := range body.Widgets {
		title := "the widget " + widget.Properties.Title
		if widget.X+widget.Width > 24 || widget.Properties.Title == "" || widget.Properties.Region == "" || strings.Contains(fmt.Sprint(widget), "${") {
			t.Errorf("%s: %+v", title, widget)
		}
		if widget.Type == "log" {
			lines.answers(t, title, widget.Properties.Query)
			continue
		}
		var before []string
		for _, entry := range widget.Properties.Metrics {
			if options, ok := entry[0].(map[string]any); ok {
				t.Errorf("%s searches by %v: each metric that is found counts for the dashboard's price", title, options["expression"])
				continue
			}
			row := spelledOut(before, entry)
			var dimensions []string
			for pair := range slices.Chunk(row[2:], 2) {
				dimensions = append(dimensions, pair[0])
				if len(pair) != 2 || pair[1] == "" {
					t.Errorf("%s: %q", title, row)
				}
			}
			lines.holds(t, title, row[0]+" "+row[1], dimensions)
			before = row
		}
	}
	var described struct {
		MetricAlarms []struct {
			AlarmName, AlarmDescription, Namespace, MetricName string

			AlarmActions []string
			Dimensions   []struct{ Name, Value string }
		}
	}
	w.cloudWatch(t, "DescribeAlarms", map[string]string{}, &described)
	for _, alarm := range described.MetricAlarms {
		var dimensions []string
		for _, dimension := range alarm.Dimensions {
			dimensions = append(dimensions, dimension.Name)
		}
		lines.holds(t, alarm.AlarmName, alarm.Namespace+" "+alarm.MetricName, dimensions)
		if len(alarm.AlarmActions) != 2 || alarm.AlarmDescription == "" {
			t.Errorf("%s tells %v: %s", alarm.AlarmName, alarm.AlarmActions, alarm.AlarmDescription)
		}
	}
	if alarms := len(described.MetricAlarms); alarms != 9 {
		t.Errorf("%d alarms", alarms)
	}
	if !lines.fields[metric.TimeToRemedy+".0"] {
		t.Error("nothing measured the time to a remedy")
	}
	own := 0
	for name, dimensions := range lines.metrics {
		if strings.HasPrefix(name, metric.Namespace+" ") {
			own += len(dimensions)
		}
	}
	if own != 2 {
		t.Errorf("the functions write %d metrics, and docs/cost.md counts two", own)
	}
	asked := 0
	for _, document := range must(filepath.Glob(filepath.Join(w.checkout, "docs", "*.md")))(t) {
		for _, block := range queryBlock.FindAllStringSubmatch(string(must(os.ReadFile(document))(t)), -1) {
			asked++
			lines.answers(t, filepath.Base(document), block[1])
		}
	}
	if asked < 8 {
		t.Errorf("the documents have %d queries", asked)
	}
}

// cloudWatch calls CloudWatch by its JSON protocol. The SDK speaks CBOR to it,
// which the emulator answers only where a library of Python is installed.
func (w *world) cloudWatch(t *testing.T, operation string, input, output any) {
	t.Helper()
	request := must(http.NewRequestWithContext(t.Context(), http.MethodPost, w.Stack.Endpoint+"/", strings.NewReader(string(must(json.Marshal(input))(t)))))(t)
	request.Header.Set("Content-Type", "application/x-amz-json-1.0")
	request.Header.Set("X-Amz-Target", "GraniteServiceVersion20100801."+operation)
	// The emulator finds account and service there, and checks no signature.
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+stack.AccessKey+"/20260101/"+stack.Region+"/monitoring/aws4_request, SignedHeaders=host, Signature=none")
	response := must(http.DefaultClient.Do(request))(t)
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s answered %s", operation, response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(output); err != nil {
		t.Fatalf("%s: %v", operation, err)
	}
}

// spelledOut gives a widget's row without what stands for the row before: "."
// for one field, "..." for all that the row does not give itself.
func spelledOut(before []string, entry []any) []string {
	var row []string
	for _, field := range entry {
		if text, ok := field.(string); ok {
			row = append(row, text)
		}
	}
	if len(row) > 0 && row[0] == "..." {
		return append(slices.Clone(before[:len(before)-len(row)+1]), row[1:]...)
	}
	for index, text := range row {
		if text == "." {
			row[index] = before[index]
		}
	}
	return row
}

var (
	queryBlock = regexp.MustCompile("(?s)```logs-insights\n(.*?)```")
	// What is in quotation marks is a value, what follows "as" a name of the
	// query's own, and what is called a function.
	queryValue    = regexp.MustCompile(`"[^"]*"|'[^']*'|/(?:[^/\\]|\\.)+/`)
	queryName     = regexp.MustCompile(`\bas ([a-zA-Z_]+)`)
	queryFunction = regexp.MustCompile(`\b[a-z_]+\(`)
	queryWord     = regexp.MustCompile(`@?[A-Za-z_][A-Za-z0-9_.]*`)
	queryKeywords = strings.Fields("SOURCE fields filter stats sort limit by as and or not in like asc desc display dedup parse h d m s")
)

// answers holds a query against the fields that there are.
func (w written) answers(t *testing.T, where, query string) {
	t.Helper()
	if at := strings.Index(query, "stats "); at >= 0 && strings.Contains(query[at:], "| filter") {
		t.Errorf("%s filters what stats has left no fields of: %s", where, query)
	}
	own := queryKeywords
	for _, match := range queryName.FindAllStringSubmatch(query, -1) {
		own = append(slices.Clone(own), match[1])
	}
	bare := queryFunction.ReplaceAllString(queryValue.ReplaceAllString(query, " "), " ( ")
	for _, word := range queryWord.FindAllString(bare, -1) {
		if !slices.Contains(own, word) && !w.fields[word] {
			t.Errorf("%s asks for %s, but no log line has it: %s", where, word, query)
		}
	}
}
