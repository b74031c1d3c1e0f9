// Package cost computes what a stack costs in a month, from the template, what
// the functions write in the end-to-end tests, and AWS's prices.
package cost

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/tests/samtemplate"
)

// Load is what happens in a month in the account of docs/cost.md: a busy one.
const (
	// Events wake a function: roles, uploads, registrations, failures.
	Events = 10_000
	// Subjects are looked at in each daily sweep, Days times a month.
	Subjects = 2_000
	Days     = 30
	// Secrets are rotated monthly, in four steps each.
	Secrets = 20
)

// Invocations are those of a month.
const Invocations = Events + Subjects*Days + 4*Secrets

// What an invocation uses at most, on average; the end-to-end tests hold the last
// three against all that a whole run has written.
const (
	// Seconds is what a look takes on Lambda: it mostly waits for AWS's answers.
	Seconds = 0.5
	// LogBytes are written to the log, Lambda's own lines included.
	LogBytes = 4_000
	// PublishedEvents are put on the stack's bus.
	PublishedEvents = 1.2
	// Metrics are the functions' own, each with one set of dimensions.
	Metrics = 2
)

// Prices in dollars, us-east-1, November 2026, without the free tier, save for
// dashboards (https://aws.amazon.com/lambda/pricing/ and likewise for sqs,
// eventbridge, cloudwatch, kms and xray).
const (
	lambdaMillionRequests = 0.20
	lambdaGigabyteSecond  = 0.0000133334 // arm64
	sqsMillionRequests    = 0.40
	busMillionEvents      = 1.00
	metricMonth           = 0.30
	alarmMonth            = 0.10
	dashboardMonth        = 3.00
	// FreeDashboards are free in each account, with up to 50 metrics each.
	FreeDashboards   = 3
	DashboardMetrics = 50
	logGigabyte      = 0.50
	logGigabyteMonth = 0.03
	keyMonth         = 1.00
	traceMillion     = 5.00
	secretsTenMille  = 0.05
)

const (
	// secondsPerMonth are those of 730 hours, the month of AWS's price pages.
	secondsPerMonth = 730 * 3600
	// pollers and pollSeconds are how Lambda polls an idle queue: five connections,
	// each of which waits for 20 seconds ("Using Lambda with Amazon SQS", Lambda
	// Developer Guide).
	pollers     = 5
	pollSeconds = 20
	// traced is the share of invocations that Lambda samples for X-Ray.
	traced = 0.05
	// retainedMonths is how long a log is kept by default.
	retainedMonths = 3
)

// Line is a part of the bill.
type Line struct {
	What, Quantity, Price string
	Dollars               float64
}

// Bill lists what a stack with default parameters costs in a month.
func Bill(rendered samtemplate.Rendered) []Line {
	count := map[string]int{}
	polled := 0
	for _, resource := range rendered.Resources {
		count[resource.Type]++
		if resource.Type != "AWS::Serverless::Function" {
			continue
		}
		if events, ok := resource.Properties["Events"].(map[string]any); ok {
			for _, event := range events {
				if of, ok := event.(map[string]any); ok && of["Type"] == "SQS" {
					polled++
				}
			}
		}
	}
	// Sweep has twice the memory, and runs for minutes a day, not for each subject.
	gigabytes := float64(Invocations)*Seconds*0.25 + Days*5*60*0.5
	polls := float64(polled) * pollers * secondsPerMonth / pollSeconds
	messages := float64(3 * Invocations)
	logs := float64(Invocations) * LogBytes / 1e9
	return []Line{
		{"Lambda requests", thousands(Invocations), "$0.20 a million", Invocations * lambdaMillionRequests / 1e6},
		{"Lambda time", thousands(int(gigabytes)) + " GB-s: 0.5 s at 256 MB for each look, and 5 minutes at 512 MB for each sweep", "$0.0000133 a GB-s", gigabytes * lambdaGigabyteSecond},
		{"SQS, idle", fmt.Sprintf("%d queues, each polled by Lambda with 5 connections that wait for 20 s: %.1f million requests", polled, polls/1e6), "$0.40 a million", polls * sqsMillionRequests / 1e6},
		{"SQS, messages", thousands(int(messages)) + " requests", "$0.40 a million", messages * sqsMillionRequests / 1e6},
		{"EventBridge", thousands(int(Invocations*PublishedEvents)) + " events of the stack's own", "$1.00 a million", Invocations * PublishedEvents * busMillionEvents / 1e6},
		{"CloudWatch metrics", strconv.Itoa(Metrics), "$0.30 each", Metrics * metricMonth},
		{"CloudWatch alarms", strconv.Itoa(count["AWS::CloudWatch::Alarm"]), "$0.10 each", float64(count["AWS::CloudWatch::Alarm"]) * alarmMonth},
		{"CloudWatch dashboard", strconv.Itoa(count["AWS::CloudWatch::Dashboard"]), "an account's first three are free, then $3.00 each", 0},
		{"CloudWatch Logs", fmt.Sprintf("%.2f GB, kept for 90 days", logs), "$0.50 a GB, and $0.03 a GB and month", logs * (logGigabyte + retainedMonths*logGigabyteMonth)},
		{"KMS key of the topics", strconv.Itoa(count["AWS::KMS::Key"]), "$1.00 each", float64(count["AWS::KMS::Key"]) * keyMonth},
		{"Secrets Manager", thousands(Secrets*Days*6) + " calls", "$0.05 for 10,000", Secrets * Days * 6 * secretsTenMille / 1e4},
		{"X-Ray", fmt.Sprintf("%s traces (%.0f %%)", thousands(int(Invocations*traced)), 100*traced), "$5.00 a million", Invocations * traced * traceMillion / 1e6},
	}
}

// Sum is a bill's.
func Sum(bill []Line) float64 {
	sum := 0.0
	for _, line := range bill {
		sum += line.Dollars
	}
	return sum
}

// Table is the bill as a table, with its sum.
func Table(bill []Line) string {
	var text strings.Builder
	text.WriteString("| what | how much | price | a month |\n| --- | --- | --- | --- |\n")
	for _, line := range bill {
		fmt.Fprintf(&text, "| %s | %s | %s | $%.2f |\n", line.What, line.Quantity, line.Price, line.Dollars)
	}
	fmt.Fprintf(&text, "| **sum** | | | **$%.2f** |\n", Sum(bill))
	return text.String()
}

// Multiplied is the table of several accounts and regions, each of which is as
// busy: the stacks' own cost, and the dashboards that an account pays for.
func Multiplied(sum float64) string {
	var text strings.Builder
	text.WriteString("| accounts | regions each | stacks | a month |\n| --- | --- | --- | --- |\n")
	for _, of := range []struct{ accounts, regions int }{{1, 1}, {1, 3}, {1, 6}, {10, 1}, {10, 3}, {100, 2}} {
		fmt.Fprintf(&text, "| %d | %d | %d | $%.0f |\n", of.accounts, of.regions, of.accounts*of.regions, Of(sum, of.accounts, of.regions))
	}
	return text.String()
}

// Of is the cost of a stack in each of some regions of some accounts.
func Of(sum float64, accounts, regions int) float64 {
	return float64(accounts) * (float64(regions)*sum + float64(max(0, regions-FreeDashboards))*dashboardMonth)
}

func thousands(of int) string {
	text := strconv.Itoa(of)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
