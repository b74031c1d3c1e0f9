// Package eventrules holds the template's event patterns against AWS's own matcher,
// event-ruler of Maven Central, and the emulator's against it. The jars are fetched by
// Maven in the versions of pom.xml, and have the hashes of jars.sha256; no test runs
// without a JDK, Maven or Maven Central.
package eventrules

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/samtemplate"
	"github.com/ecs-guardrails/ecs-guardrails/tests/toolchain"
)

// checkout is the repository's folder.
const checkout = "../.."

// jars gives the class path with event-ruler, or skips the test.
func jars(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed, and AWS's own matcher is Java: install a JDK and Maven to hold the patterns against it; the end-to-end tests hold them against the emulator's", program)
		}
	}
	folder, err := filepath.Abs(checkout + "/.local/eventrules")
	if err != nil {
		t.Fatal(err)
	}
	if wrong := differing(t, folder); len(wrong) > 0 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		fetch := exec.CommandContext(ctx, "mvn", "-B", "-q", "-f", "pom.xml", "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+folder)
		if output, err := fetch.CombinedOutput(); err != nil {
			t.Skipf("Maven Central, where AWS's own matcher is from, can't be reached; the end-to-end tests hold the patterns against the emulator's\n%v %s", err, output)
		}
		if wrong := differing(t, folder); len(wrong) > 0 {
			t.Fatalf("jars are not those of jars.sha256: %q", wrong)
		}
	}
	return folder + "/*"
}

// differing names the jars that are not there as jars.sha256 has them.
func differing(t *testing.T, folder string) (wrong []string) {
	t.Helper()
	list, err := os.ReadFile("jars.sha256")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		want, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		content, err := os.ReadFile(filepath.Join(folder, name))
		if sum := sha256.Sum256(content); err != nil || hex.EncodeToString(sum[:]) != want {
			wrong = append(wrong, name)
		}
	}
	return wrong
}

// match asks a matcher which rules each event wakes.
func match(t *testing.T, rules map[string]rule, events []any, program string, arguments ...string) [][]string {
	t.Helper()
	patterns := map[string]any{}
	for name, rule := range rules {
		patterns[name] = rule.pattern
	}
	var input bytes.Buffer
	encoder := json.NewEncoder(&input)
	for _, line := range append([]any{patterns}, events...) {
		if err := encoder.Encode(line); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, program, arguments...)
	var stderr bytes.Buffer
	command.Stdin, command.Stderr = &input, &stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, &stderr)
	}
	var matched [][]string
	scanner := bufio.NewScanner(bytes.NewReader(output))
	for scanner.Scan() {
		var names []string
		if err := json.Unmarshal(scanner.Bytes(), &names); err != nil {
			t.Fatalf("%v in %s", err, scanner.Bytes())
		}
		matched = append(matched, names)
	}
	if len(matched) != len(events) {
		t.Fatalf("%s answered for %d of %d events", program, len(matched), len(events))
	}
	return matched
}

// rule is one that the template deploys.
type rule struct {
	pattern map[string]any
	// targets are the functions that it wakes.
	targets []string
}

// rules are those with a pattern, with everything on that has rules of its own.
func rules(t *testing.T, parameters map[string]string) map[string]rule {
	t.Helper()
	template, err := samtemplate.Load(checkout + "/template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"ConfigBuckets": configBucket, "Allow": "update-services", "CentralFindings": "arn:aws:events:us-east-1:111122223333:event-bus/central"}
	maps.Copy(all, parameters)
	rendered, err := template.Render(all, "aws", "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]rule{}
	for name, resource := range rendered.Resources {
		pattern, ok := resource.Properties["EventPattern"].(map[string]any)
		if resource.Type != "AWS::Events::Rule" || !ok {
			continue
		}
		made := rule{pattern: typed(pattern).(map[string]any)}
		targets, _ := resource.Properties["Targets"].([]any)
		for _, target := range targets {
			made.targets = append(made.targets, fmt.Sprint(target.(map[string]any)["Id"]))
		}
		found[name] = made
	}
	return found
}

// typed gives the truth values and numbers of a pattern their types, which the
// rendered template has as text.
func typed(value any) any {
	switch value := value.(type) {
	case map[string]any:
		made := map[string]any{}
		for key, each := range value {
			made[key] = typed(each)
			if key == "exists" {
				made[key] = fmt.Sprint(each) == "true"
			}
			if numbers, ok := each.([]any); ok && key == "numeric" {
				operands := slices.Clone(numbers)
				for i := 1; i < len(operands); i += 2 {
					operands[i], _ = strconv.ParseFloat(fmt.Sprint(operands[i]), 64)
				}
				made[key] = operands
			}
		}
		return made
	case []any:
		made := make([]any, len(value))
		for i, each := range value {
			made[i] = typed(each)
		}
		return made
	}
	return value
}

const configBucket = "acme-ecs-config"

// sample is an event with the functions that it is to wake.
type sample struct {
	name  string
	event map[string]any
	wakes []string
}

// samples are the files of events/ that EventBridge's rules see, with the functions
// that the table of its README names, and events of our own stack.
func samples(t *testing.T) []sample {
	t.Helper()
	table, err := os.ReadFile(checkout + "/events/README.md")
	if err != nil {
		t.Fatal(err)
	}
	var made []sample
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9-]+\\.json)` \\| ([a-z-]+) \\|").FindAllSubmatch(table, -1) {
		name, function := string(row[1]), string(row[2])
		content, err := os.ReadFile(checkout + "/events/" + name)
		if err != nil {
			t.Fatal(err)
		}
		var event map[string]any
		if err := json.Unmarshal(content, &event); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if event["detail-type"] == nil || event["detail-type"] == "Scheduled Event" {
			continue
		}
		if event["source"] == "aws.s3" {
			event["detail"].(map[string]any)["bucket"].(map[string]any)["name"] = configBucket
		}
		made = append(made, sample{name, event, []string{function}})
	}
	for _, own := range []struct {
		kind, detail string
		wakes        []string
	}{
		{"ECS Guardrails Finding", `{"stack":"ecs-guardrails","function":"attach-policies","severity":"error"}`, []string{"central-bus", "notify"}},
		{"ECS Guardrails Finding", `{"function":"attach-policies"}`, []string{"central-bus", "notify"}},
		{"ECS Guardrails Finding", `{"stack":"ecs-guardrails","function":"attach-policies","sweep":"s"}`, []string{"central-bus"}},
		{"ECS Guardrails Finding", `{"stack":"ecs-guardrails","function":"notify"}`, []string{"central-bus"}},
		{"ECS Guardrails Finding", `{"stack":"another","function":"attach-policies"}`, nil},
		{"ECS Guardrails Clear", `{"stack":"ecs-guardrails","function":"attach-policies","subjects":[{"id":"0123456789abcdef","subject":"role/web"}]}`, []string{"central-bus", "notify"}},
		{"ECS Guardrails Clear", `{"stack":"another","function":"attach-policies","subjects":[]}`, nil},
		{"ECS Guardrails Sweep Summary", `{"stack":"ecs-guardrails","wrong":3}`, []string{"central-bus", "notify"}},
		{"ECS Guardrails Sweep Summary", `{"stack":"ecs-guardrails","wrong":0}`, []string{"central-bus", "notify"}},
		{"ECS Guardrails Sweep Summary", `{"stack":"another","wrong":3}`, nil},
		{"ECS Guardrails Sweep Result", `{"stack":"ecs-guardrails"}`, []string{"sweep"}},
		{"ECS Guardrails Sweep Result", `{"stack":"another"}`, nil},
	} {
		made = append(made, sample{own.kind + " " + own.detail, eventOf("ecs-guardrails", own.kind, own.detail), own.wakes})
	}
	const cloudtrail = "AWS API Call via CloudTrail"
	for _, others := range []struct {
		source, kind, detail string
		wakes                []string
	}{
		{"aws.ecs", "ECS Deployment State Change", `{"eventName":"SERVICE_DEPLOYMENT_COMPLETED"}`, []string{"patch-task-definition"}},
		{"aws.ecs", "ECS Deployment State Change", `{"eventName":"SERVICE_DEPLOYMENT_IN_PROGRESS"}`, nil},
		{"aws.ecs", "ECS Task State Change", `{"lastStatus":"STOPPED","stopCode":"EssentialContainerExited","containers":[{"reason":"OutOfMemoryError"},{"reason":"CannotPullContainerError: x"}]}`, []string{"diagnose-failure"}},
		{"aws.ecs", "ECS Task State Change", `{"lastStatus":"STOPPED","stopCode":"ServiceSchedulerInitiated","containers":[{"exitCode":0}]}`, nil},
		{"aws.ecs", "ECS Task State Change", `{"lastStatus":"STOPPED","stopCode":"EssentialContainerExited","containers":[{"reason":"CannotStartContainerError: x"}]}`, []string{"diagnose-failure"}},
		{"aws.ecs", "ECS Task State Change", `{"lastStatus":"STOPPED","stopCode":"UserInitiated","stoppedReason":"ResourceInitializationError: x"}`, []string{"diagnose-failure"}},
		{"aws.ecs", "ECS Task State Change", `{"lastStatus":"PENDING","containers":[{"reason":"CannotPullContainerError"}]}`, nil},
		{"aws.ecs", "ECS Container Instance Health Change", `{"healthChecks":[{"type":"AGENT_CONNECTIVITY","status":"OK"}]}`, nil},
		{"aws.ecs", cloudtrail, `{"eventSource":"ecs.amazonaws.com","eventName":"RegisterTaskDefinition","errorCode":"AccessDenied"}`, nil},
		{"aws.ecs", cloudtrail, `{"eventSource":"ecs.amazonaws.com","eventName":"RegisterContainerInstance"}`, nil},
		{"aws.ecs", cloudtrail, `{"eventSource":"ecs.amazonaws.com","eventName":"DeregisterTaskDefinition"}`, nil},
		{"aws.iam", cloudtrail, `{"eventSource":"iam.amazonaws.com","eventName":"DeleteRole"}`, nil},
		{"aws.iam", cloudtrail, `{"eventSource":"iam.amazonaws.com","eventName":"DeleteRole","errorCode":"DeleteConflictException"}`, []string{"attach-policies"}},
		{"aws.iam", cloudtrail, `{"eventSource":"iam.amazonaws.com","eventName":"CreateUser"}`, nil},
		{"aws.ec2", cloudtrail, `{"eventSource":"ec2.amazonaws.com","eventName":"RunInstances","errorCode":"Client.DryRunOperation"}`, nil},
		{"aws.s3", "Object Created", `{"bucket":{"name":"` + configBucket + `"},"object":{"key":"prod/readme.txt"}}`, nil},
		{"aws.s3", "Object Created", `{"bucket":{"name":"another"},"object":{"key":"prod/ecs.config"}}`, nil},
		{"aws.s3", "Object Deleted", `{"bucket":{"name":"` + configBucket + `"},"object":{"key":"prod/ecs.config"}}`, nil},
		{"acme.iam", cloudtrail, `{"eventSource":"iam.amazonaws.com","eventName":"CreateRole"}`, nil},
	} {
		made = append(made, sample{others.kind + " " + others.detail, eventOf(others.source, others.kind, others.detail), others.wakes})
	}
	return made
}

func eventOf(source, kind, detail string) map[string]any {
	event := map[string]any{"version": "0", "id": "1", "source": source, "detail-type": kind, "account": samtemplate.Account, "region": "us-east-1", "time": "2026-11-30T00:00:00Z", "resources": []any{}}
	var read map[string]any
	if err := json.Unmarshal([]byte(detail), &read); err != nil {
		panic(err)
	}
	event["detail"] = read
	return event
}

// TestSamplesWakeTheirFunctions: AWS's matcher has each sample of events/ wake the
// function that it is for, and no other one; and each rule is woken by one of them.
func TestSamplesWakeTheirFunctions(t *testing.T) {
	path := jars(t)
	deployed, all := rules(t, nil), samples(t)
	if len(deployed) < 15 || len(all) < 55 {
		t.Fatalf("only %d rules and %d samples", len(deployed), len(all))
	}
	events := make([]any, len(all))
	for i, s := range all {
		events[i] = s.event
	}
	woken := map[string]bool{}
	for i, names := range match(t, deployed, events, "java", "-cp", path, "Match.java") {
		var functions []string
		for _, name := range names {
			functions, woken[name] = append(functions, deployed[name].targets...), true
		}
		slices.Sort(functions)
		if functions = slices.Compact(functions); !slices.Equal(functions, all[i].wakes) {
			t.Errorf("%s wakes %q by %q, and is for %q", all[i].name, functions, names, all[i].wakes)
		}
	}
	for name := range deployed {
		if !woken[name] {
			t.Errorf("no sample wakes %s", name)
		}
	}
	t.Logf("%d rules, %d samples", len(deployed), len(all))
}

// TestOrganizationsFindings: the central stack takes the findings of all stacks.
func TestOrganizationsFindings(t *testing.T) {
	path := jars(t)
	deployed := rules(t, map[string]string{"CentralFindings": "o-a1b2c3d4e5"})
	events := []any{eventOf("ecs-guardrails", "ECS Guardrails Finding", `{"stack":"another","function":"attach-policies"}`), eventOf("ecs-guardrails", "ECS Guardrails Finding", `{"stack":"another","function":"notify"}`),
		eventOf("ecs-guardrails", "ECS Guardrails Sweep Summary", `{"stack":"another","wrong":1}`)}
	for i, names := range match(t, deployed, events, "java", "-cp", path, "Match.java") {
		if told := len(names) == 1 && slices.Equal(deployed[names[0]].targets, []string{"notify"}); told != (i != 1) {
			t.Errorf("%v wakes %q", events[i], names)
		}
	}
}

// TestTheEmulatorMatchesAsAWSDoes: MiniStack's matcher, which delivers the local
// stack's events, agrees with AWS's about the samples and thousands of changes to
// them; and each part of each pattern keeps some event out.
func TestTheEmulatorMatchesAsAWSDoes(t *testing.T) {
	path := jars(t)
	folder, err := filepath.Abs(checkout)
	if err != nil {
		t.Fatal(err)
	}
	python, err := toolchain.Install(t.Context(), folder, toolchain.Emulator, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	deployed := rules(t, nil)
	var events []any
	// unchanged is where the event that was changed stands, path where the change is.
	var unchanged []int
	var paths []string
	for _, s := range samples(t) {
		whole := len(events)
		events, unchanged, paths = append(events, s.event), append(unchanged, whole), append(paths, "")
		for _, change := range changes(deployed, s.event) {
			events, unchanged, paths = append(events, change.event), append(unchanged, whole), append(paths, change.path)
		}
	}
	if len(events) < 5000 {
		t.Fatalf("only %d events", len(events))
	}
	aws := match(t, deployed, events, "java", "-cp", path, "Match.java")
	emulator := match(t, deployed, events, filepath.Join(python, "python"), "match.py")
	matched, differing := 0, 0
	keepsOut := map[string]bool{}
	for i := range events {
		matched += len(aws[i])
		for _, name := range aws[unchanged[i]] {
			if !slices.Contains(aws[i], name) {
				keepsOut[name+" "+paths[i]] = true
			}
		}
		if !slices.Equal(aws[i], emulator[i]) {
			if differing++; differing <= 5 {
				text, _ := json.Marshal(events[i])
				t.Errorf("AWS's matcher says %q, the emulator's %q, of %s", aws[i], emulator[i], text)
			}
		}
	}
	parts := 0
	for name, rule := range deployed {
		for _, part := range leaves(rule.pattern) {
			parts++
			if path := strings.Join(part.path, "."); !keepsOut[name+" "+path] {
				t.Errorf("%s: no event is kept out by %s", name, path)
			}
		}
	}
	t.Logf("%d events, %d matches, %d differences; %d parts of patterns", len(events), matched, differing, parts)
}

// leaf is a part of a pattern: where it stands, and what it takes.
type leaf struct {
	path  []string
	takes []any
}

// leaves gives the parts of a pattern, those of alternatives included.
func leaves(pattern map[string]any, path ...string) (found []leaf) {
	for _, key := range slices.Sorted(maps.Keys(pattern)) {
		at := append(slices.Clone(path), key)
		switch value := pattern[key].(type) {
		case map[string]any:
			found = append(found, leaves(value, at...)...)
		case []any:
			if key != "$or" {
				found = append(found, leaf{at, value})
				continue
			}
			for _, alternative := range value {
				found = append(found, leaves(alternative.(map[string]any), path...)...)
			}
		}
	}
	return found
}

// change is an event with another value at a path.
type change struct {
	event map[string]any
	path  string
}

// changes are an event with other values where a pattern looks.
func changes(deployed map[string]rule, event map[string]any) (changed []change) {
	known := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(deployed)) {
		if source := deployed[name].pattern["source"].([]any)[0]; source != event["source"] {
			continue
		}
		for _, part := range leaves(deployed[name].pattern) {
			values := []any{"something else", "", nil, true, 0.0, 7.0, -0.5, []any{}, []any{"x", "y"}, map[string]any{"a": "b"}}
			for _, takes := range part.takes {
				switch takes := takes.(type) {
				case string:
					values = append(values, takes, takes+"x", "x"+takes, strings.ToLower(takes), []any{"x", takes}, []any{takes, takes})
				case map[string]any:
					for _, of := range takes {
						if text, ok := of.(string); ok {
							values = append(values, text, text+"x", "x"+text, strings.ToUpper(text), []any{text + "x", "y"})
						}
					}
				}
			}
			if part.path[0] != "detail" {
				// What is around the detail is always text.
				values = []any{"something else", "aws.ecs ", "AWS API Call via cloudtrail"}
			}
			if part.path[0] == "detail" {
				values = append(values, gone{})
			}
			for _, value := range values {
				made := with(event, part.path, value)
				text, err := json.Marshal(made)
				if err == nil && !known[string(text)] {
					known[string(text)] = true
					changed = append(changed, change{made, strings.Join(part.path, ".")})
				}
			}
		}
	}
	return changed
}

// gone stands for no value.
type gone struct{}

// with gives a copy of an object with another value at a path. Of a list, its first
// object gets it.
func with(object map[string]any, path []string, value any) map[string]any {
	made := maps.Clone(object)
	if made == nil {
		made = map[string]any{}
	}
	if len(path) == 1 {
		if _, none := value.(gone); none {
			delete(made, path[0])
		} else {
			made[path[0]] = value
		}
		return made
	}
	switch inner := made[path[0]].(type) {
	case []any:
		list := slices.Clone(inner)
		if len(list) == 0 {
			list = []any{map[string]any{}}
		}
		first, _ := list[0].(map[string]any)
		list[0] = with(first, path[1:], value)
		made[path[0]] = list
	case map[string]any:
		made[path[0]] = with(inner, path[1:], value)
	default:
		made[path[0]] = with(nil, path[1:], value)
	}
	return made
}
