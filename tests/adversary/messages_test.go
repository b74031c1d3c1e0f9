package adversary

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/publish"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
)

func init() {
	add(
		Case{Number: 8, Exploit: "a forged finding on the default bus writes e-mail and chat text", Limit: "findings travel on the stack's own bus", Play: forgedFinding, Control: realFinding},
		Case{Number: 8, Exploit: "a forged finding on the stack's bus", Limit: "its policy denies all but the functions", Play: forgedOnOwnBus},
		Case{Number: 8, Exploit: "a forged sweep result hides subjects in the report", Limit: "the stack's own bus", Play: forgedSweepResult},
		Case{Number: 8, Exploit: "an object's key mentions a channel and brings a link", Limit: "text is escaped for its place", Play: keyWithMarkUp},
		Case{Number: 8, Exploit: "100 uploads are 200 messages", Limit: "findings of a time are one message", Play: floodOfUploads, Alone: true},
	)
}

const finding = `{"function":"validate-config","mode":"enforce","stack":"ecs-guardrails","subject":"s3://bank/%s","status":"noncompliant",` +
	`"findings":[{"code":"auth-data-shape","severity":"error","message":"call %s","fix":"now"}],"actions":[],"text":{"title":"%s","subject":"%s","findings":"%s","actions":"%s"}}`

// put publishes an event in our name, and returns why EventBridge refused it.
func (p *person) put(ctx context.Context, bus, detailType, detail string) error {
	output, err := p.EventBridge.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		EventBusName: &bus, Source: aws.String(publish.Source), DetailType: &detailType, Detail: &detail,
	}}})
	if err == nil && output.FailedEntryCount > 0 {
		err = fmt.Errorf("%s: %s", aws.ToString(output.Entries[0].ErrorCode), aws.ToString(output.Entries[0].ErrorMessage))
	}
	return err
}

func forgery(word string) string { return strings.ReplaceAll(finding, "%s", word) }

// toldOf reports whether a mailbox has a message with the word in it.
func toldOf(ctx context.Context, inbox *operator.Inbox, word string) (bool, error) {
	messages, err := inbox.Messages(ctx)
	return slices.ContainsFunc(messages, func(message string) bool { return strings.Contains(message, word) }), err
}

// brokenConfig is invalid whatever the settings.
const brokenConfig = "ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={\n"

// upload puts a broken file into the config bucket and waits for the message.
func (w *world) uploadAndWait(t *testing.T, key string) {
	t.Helper()
	must(w.Upload(t.Context(), w.Stack.Outputs["ConfigBucket"], key, brokenConfig))(t)
	eventually(t, "people are informed about "+key, func(ctx context.Context) (bool, error) { return toldOf(ctx, w.Topic, key) })
}

func forgedFinding(t *testing.T, w *world) {
	mallory := w.user(t, "forger-default", "")
	// No one keeps a principal with PutEvents from the default bus.
	if err := mallory.put(t.Context(), "default", publish.FindingType, forgery("forged-default")); err != nil {
		t.Fatal(err)
	}
	if err := mallory.put(t.Context(), "default", publish.SweepSummaryType, `{"sweep":"forged-default","headline":"forged-default","wrong":9,"mode":"enforce"}`); err != nil {
		t.Fatal(err)
	}
	// What is true arrives after it, and what is forged never does.
	w.uploadAndWait(t, "after-forgery/ecs.config")
	for name, inbox := range map[string]*operator.Inbox{"mail": w.Topic, "chat": w.Chat} {
		if told, err := toldOf(t.Context(), inbox, "forged-default"); told || err != nil {
			t.Errorf("%s: informed about a forged finding: %v, %v", name, told, err)
		}
	}
}

func realFinding(t *testing.T, w *world) { w.uploadAndWait(t, "real-finding/ecs.config") }

func forgedOnOwnBus(t *testing.T, w *world) {
	mallory := w.user(t, "forger-own", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"events:*","Resource":"*"}]}`)
	for _, bus := range []string{w.Stack.Outputs["FindingsBus"], w.Stack.Outputs["FindingsBusArn"]} {
		if err := mallory.put(t.Context(), bus, publish.FindingType, forgery("forged-own")); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
			t.Errorf("publishing on %s: %v", bus, err)
		}
	}
	w.uploadAndWait(t, "after-forgery-on-own-bus/ecs.config")
	if told, err := toldOf(t.Context(), w.Topic, "forged-own"); told || err != nil {
		t.Errorf("informed about a forged finding: %v, %v", told, err)
	}
}

func forgedSweepResult(t *testing.T, w *world) {
	mallory := w.user(t, "forger-sweep", "")
	result := `{"function":"attach-policies","mode":"enforce","stack":"` + w.Stack.Name + `","sweep":"x.1.1","statuses":{"compliant":1},"codes":{},"results":[]}`
	if err := mallory.put(t.Context(), "default", publish.SweepResultType, result); err != nil {
		t.Fatal(err)
	}
	if err := mallory.put(t.Context(), w.Stack.Outputs["FindingsBus"], publish.SweepResultType, result); err == nil {
		t.Error("a sweep result could be published on the stack's bus")
	}
	w.uploadAndWait(t, "after-forged-result/ecs.config")
	if depth := must(w.QueueDepth(t.Context(), w.Stack.Outputs["SweepResultsQueue"]))(t); depth != 0 {
		t.Errorf("%d forged results wait for the sweep", depth)
	}
}

func keyWithMarkUp(t *testing.T, w *world) {
	const key = "x/<!channel>/[your bill](https://evil.example)/@here/marked-up/ecs.config"
	must(w.Upload(t.Context(), w.Stack.Outputs["ConfigBucket"], key, brokenConfig))(t)
	var text string
	eventually(t, "the chat is told", func(ctx context.Context) (bool, error) {
		messages, err := w.Chat.Messages(ctx)
		for _, message := range messages {
			if strings.Contains(message, "marked-up") {
				text = message
			}
		}
		return text != "", err
	})
	var read map[string]any
	if err := json.Unmarshal([]byte(text), &read); err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprint(read)
	for _, bad := range []string{"<!channel>", "https://evil", "@here"} {
		if strings.Contains(shown, bad) {
			t.Errorf("the chat gets %q: %s", bad, shown)
		}
	}
	// The links are ours, to the console.
	for _, link := range regexp.MustCompile(`\]\(([a-z]+:[^)\s]*)`).FindAllStringSubmatch(shown, -1) {
		if target, err := url.Parse(link[1]); err != nil || !strings.HasSuffix(target.Host, ".console.aws.amazon.com") {
			t.Errorf("the chat links to %s, %v: %s", link[1], err, shown)
		}
	}
}

func floodOfUploads(t *testing.T, w *world) {
	before := len(must(w.Topic.Messages(t.Context()))(t)) + len(must(w.Chat.Messages(t.Context()))(t))
	for i := range 100 {
		must(w.Upload(t.Context(), w.Stack.Outputs["ConfigBucket"], fmt.Sprintf("flood/%03d/ecs.config", i), brokenConfig))(t)
	}
	eventually(t, "all 100 uploads are looked at", func(ctx context.Context) (bool, error) {
		results, err := w.Results(ctx, "validate-config")
		looked := map[string]bool{}
		for _, result := range results {
			if _, name, found := strings.Cut(result.Subject, "/flood/"); found {
				looked[name[:3]] = true
			}
		}
		return len(looked) == 100, err
	})
	eventually(t, "the findings are told", func(ctx context.Context) (bool, error) {
		bus, err := w.QueueDepth(ctx, must(w.ResourceID(ctx, "NotifyQueue"))(t))
		return bus == 0, err
	})
	messages := len(must(w.Topic.Messages(t.Context()))(t)) + len(must(w.Chat.Messages(t.Context()))(t)) - before
	// The functions take seconds for a hundred files here; the window is one
	// second, and a minute in a deployed stack.
	t.Logf("100 uploads: %d messages", messages)
	if messages == 0 || messages > 60 {
		t.Errorf("100 uploads are %d messages", messages)
	}
}
