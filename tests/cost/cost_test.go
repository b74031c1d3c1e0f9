package cost_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/tests/cost"
	"github.com/ecs-guardrails/ecs-guardrails/tests/samtemplate"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

func rendered(t *testing.T) samtemplate.Rendered {
	t.Helper()
	root, err := stack.Checkout()
	if err != nil {
		t.Fatal(err)
	}
	template, err := samtemplate.Load(filepath.Join(root, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	of, err := template.Render(nil, "aws", "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	return of
}

// most is what a busy account may pay for a stack, in dollars a month.
const most = 5.00

func TestABusyAccountPaysLessThanFiveDollars(t *testing.T) {
	bill := cost.Bill(rendered(t))
	if sum := cost.Sum(bill); sum >= most || sum < 1 {
		t.Errorf("a stack costs $%.2f a month:\n%s", sum, cost.Table(bill))
	}
	for _, line := range bill {
		if line.Dollars == 0 && line.What != "CloudWatch dashboard" {
			t.Errorf("%s costs nothing", line.What)
		}
	}
}

// TestBillFollowsTheTemplate: what is added to the template is on the bill.
func TestBillFollowsTheTemplate(t *testing.T) {
	of := rendered(t)
	before := cost.Sum(cost.Bill(of))
	of.Resources["OneMoreAlarm"] = samtemplate.RenderedResource{Type: "AWS::CloudWatch::Alarm"}
	of.Resources["OneMoreFunction"] = samtemplate.RenderedResource{Type: "AWS::Serverless::Function", Properties: map[string]any{
		"Events": map[string]any{"Queue": map[string]any{"Type": "SQS"}},
	}}
	if after := cost.Sum(cost.Bill(of)); after-before < 0.35 || after-before > 0.40 {
		t.Errorf("an alarm and a polled queue cost $%.2f more", after-before)
	}
}

// TestDashboardIsFree: it has no more metrics than a free one may have.
func TestDashboardIsFree(t *testing.T) {
	metrics := 0
	for _, resource := range rendered(t).Resources {
		if resource.Type != "AWS::CloudWatch::Dashboard" {
			continue
		}
		text, _ := resource.Properties["DashboardBody"].(string)
		var body struct {
			Widgets []struct{ Properties struct{ Metrics [][]any } }
		}
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			t.Fatal(err)
		}
		for _, widget := range body.Widgets {
			metrics += len(widget.Properties.Metrics)
		}
		if strings.Contains(text, "SEARCH(") {
			t.Error("the dashboard searches for metrics, whose number nobody knows")
		}
	}
	if metrics == 0 || metrics > cost.DashboardMetrics {
		t.Errorf("the dashboard has %d metrics, and a free one %d", metrics, cost.DashboardMetrics)
	}
}

func TestSeveralRegions(t *testing.T) {
	if got := cost.Of(4, 1, 3); got != 12 {
		t.Errorf("three regions cost $%.2f", got)
	}
	if got := cost.Of(4, 2, 5); got != 2*(20+6) {
		t.Errorf("five regions of two accounts cost $%.2f", got)
	}
}
