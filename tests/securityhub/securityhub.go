// Package securityhub stands in for AWS Security Hub, which the emulator lacks: it
// takes findings as BatchImportFindings does, by the limits of the Security Hub API
// Reference, and gives them back as GetFindings does.
package securityhub

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/endpoint"
)

// Service is the Security Hub of one account and region.
type Service struct {
	Account, Region string
	mutex           sync.Mutex
	disabled        bool
	findings        map[string]Finding
	order           []string
}

// Finding is a part of the AWS Security Finding Format (AwsSecurityFinding): what
// the stand-in looks at. Fields that it does not know are refused.
type Finding struct {
	SchemaVersion                                      string
	ID                                                 string `json:"Id"`
	ProductARN                                         string `json:"ProductArn"`
	GeneratorID                                        string `json:"GeneratorId"`
	AwsAccountID                                       string `json:"AwsAccountId"`
	ProductName, CreatedAt, UpdatedAt, FirstObservedAt string
	LastObservedAt, Title, Description, RecordState    string
	SourceURL                                          string `json:"SourceUrl,omitempty"`
	Types                                              []string
	ProductFields                                      map[string]string
	Compliance                                         struct{ Status string }
	FindingProviderFields                              struct {
		Severity struct{ Label, Original string }
		Types    []string
	}
	Remediation struct{ Recommendation struct{ Text string } }
	Resources   []Resource
	// Workflow is the customer's; a provider can set it only on a new finding.
	Workflow struct{ Status string }
}

// Resource is what a finding is about.
type Resource struct {
	Type, Partition, Region string
	ID                      string `json:"Id"`
}

// Supplements answers the operations of the endpoint.
func (s *Service) Supplements() map[string]endpoint.Supplement {
	return map[string]endpoint.Supplement{"securityhub:BatchImportFindings": s.importFindings, "securityhub:GetFindings": s.getFindings}
}

// Disable has the account as one in which Security Hub is not enabled.
func (s *Service) Disable(disabled bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.disabled = disabled
}

// Findings lists what was taken, in the order of the first import.
func (s *Service) Findings() []Finding {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	list := []Finding{}
	for _, id := range s.order {
		list = append(list, s.findings[id])
	}
	return list
}

func (s *Service) refuses(writer http.ResponseWriter) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.disabled {
		endpoint.WriteJSONError(writer, http.StatusUnauthorized, "InvalidAccessException", "Account "+s.Account+" is not subscribed to AWS Security Hub")
	}
	return s.disabled
}

// maxFindings and maxFinding are BatchImportFindings' limits for a call and, in
// bytes, for a finding.
const maxFindings, maxFinding = 100, 240 << 10

type failure struct {
	ID      string `json:"Id"`
	Code    string `json:"ErrorCode"`
	Message string `json:"ErrorMessage"`
}

func (s *Service) importFindings(writer http.ResponseWriter, request *http.Request, _ awscall.Exchange) bool {
	if s.refuses(writer) {
		return true
	}
	body, err := io.ReadAll(request.Body)
	var input struct{ Findings []json.RawMessage }
	if err != nil || json.Unmarshal(body, &input) != nil || len(input.Findings) == 0 || len(input.Findings) > maxFindings {
		endpoint.WriteJSONError(writer, http.StatusBadRequest, "InvalidInputException", fmt.Sprintf("Invalid parameter 'Findings': from 1 to %d findings are allowed", maxFindings))
		return true
	}
	failures := []failure{}
	for _, raw := range input.Findings {
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.DisallowUnknownFields()
		var finding Finding
		err := decoder.Decode(&finding)
		if err == nil {
			err = s.check(finding, len(raw))
		}
		if err == nil {
			err = s.take(finding)
		}
		if err != nil {
			failures = append(failures, failure{finding.ID, "InvalidInput", err.Error()})
		}
	}
	endpoint.WriteJSON(writer, map[string]any{"FailedCount": len(failures), "SuccessCount": len(input.Findings) - len(failures), "FailedFindings": failures})
	return true
}

// take keeps a finding. One that comes back is new to the customer again; else the
// workflow status stays the customer's (API Reference, "Workflow").
func (s *Service) take(finding Finding) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.findings == nil {
		s.findings = map[string]Finding{}
	}
	before, known := s.findings[finding.ID]
	switch {
	case !known:
		s.order = append(s.order, finding.ID)
		finding.Workflow.Status = "NEW"
	case finding.UpdatedAt < before.UpdatedAt:
		return fmt.Errorf("Finding.UpdatedAt %s is before that of the finding, %s", finding.UpdatedAt, before.UpdatedAt)
	case before.RecordState == "ARCHIVED" && finding.RecordState == "ACTIVE" && before.Workflow.Status != "SUPPRESSED":
		finding.Workflow.Status = "NEW"
	default:
		finding.Workflow = before.Workflow
	}
	s.findings[finding.ID] = finding
	return nil
}

// timestamp is how AwsSecurityFinding writes times.
var timestamp = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$`)

// namespaces are those of a finding's types.
var namespaces = []string{"Software and Configuration Checks", "TTPs", "Effects", "Unusual Behaviors", "Sensitive Data Identifications"}

func (s *Service) check(f Finding, size int) error {
	if size > maxFinding {
		return fmt.Errorf("the finding has %d bytes", size)
	}
	for _, text := range []struct {
		name, value string
		least, most int
	}{
		{"Id", f.ID, 1, 512}, {"GeneratorId", f.GeneratorID, 1, 512}, {"Title", f.Title, 1, 256}, {"Description", f.Description, 1, 1024},
		{"ProductArn", f.ProductARN, 12, 2048}, {"ProductName", f.ProductName, 0, 128},
		{"Remediation.Recommendation.Text", f.Remediation.Recommendation.Text, 0, 512},
		{"FindingProviderFields.Severity.Original", f.FindingProviderFields.Severity.Original, 0, 64},
	} {
		if length := utf8.RuneCountInString(text.value); length < text.least || length > text.most {
			return fmt.Errorf("the finding's %s has %d characters, and may have %d to %d", text.name, length, text.least, text.most)
		}
	}
	for _, at := range []string{f.CreatedAt, f.UpdatedAt, f.FirstObservedAt, f.LastObservedAt} {
		if _, err := time.Parse(time.RFC3339Nano, at); err != nil || !timestamp.MatchString(at) {
			return fmt.Errorf("%q is not a timestamp", at)
		}
	}
	own := fmt.Sprintf("arn:aws:securityhub:%s:%s:product/%s/default", s.Region, s.Account, s.Account)
	kinds := slices.Concat(f.Types, f.FindingProviderFields.Types)
	switch {
	case f.SchemaVersion != "2018-10-08":
		return fmt.Errorf("Finding.SchemaVersion is %q", f.SchemaVersion)
	case f.ProductARN != own:
		return fmt.Errorf("Finding.ProductArn is %q, not the account's default product", f.ProductARN)
	case f.AwsAccountID != s.Account:
		return fmt.Errorf("Finding.AwsAccountId is %q, not the caller's account", f.AwsAccountID)
	case f.Workflow.Status != "":
		return errors.New("the workflow status belongs to the customer")
	case !slices.Contains([]string{"INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"}, f.FindingProviderFields.Severity.Label):
		return fmt.Errorf("Finding.FindingProviderFields.Severity.Label is %q", f.FindingProviderFields.Severity.Label)
	case !slices.Contains([]string{"ACTIVE", "ARCHIVED"}, f.RecordState):
		return fmt.Errorf("Finding.RecordState is %q", f.RecordState)
	case !slices.Contains([]string{"PASSED", "WARNING", "FAILED", "NOT_AVAILABLE"}, f.Compliance.Status):
		return fmt.Errorf("Finding.Compliance.Status is %q", f.Compliance.Status)
	case len(f.Resources) == 0 || len(f.Resources) > 32:
		return fmt.Errorf("Finding.Resources has %d members", len(f.Resources))
	case len(kinds) == 0 || len(f.Types) > 50:
		return fmt.Errorf("Finding.Types has %d members", len(kinds))
	case slices.ContainsFunc(kinds, func(kind string) bool {
		namespace, _, _ := strings.Cut(kind, "/")
		return !slices.Contains(namespaces, namespace) || strings.Count(kind, "/") > 2
	}):
		return fmt.Errorf("Finding.Types is %q", kinds)
	case len(f.ProductFields) > 50:
		return fmt.Errorf("Finding.ProductFields has %d members", len(f.ProductFields))
	}
	for name, value := range f.ProductFields {
		if len(name) > 128 || utf8.RuneCountInString(value) > 2048 {
			return fmt.Errorf("Finding.ProductFields.%s is too long", name)
		}
	}
	for _, resource := range f.Resources {
		if resource.ID == "" || resource.Type == "" || len(resource.Type) > 256 || utf8.RuneCountInString(resource.ID) > 512 || len(resource.Region) > 16 {
			return fmt.Errorf("Finding.Resources has %+v", resource)
		}
	}
	return nil
}

func (s *Service) getFindings(writer http.ResponseWriter, _ *http.Request, _ awscall.Exchange) bool {
	if s.refuses(writer) {
		return true
	}
	endpoint.WriteJSON(writer, map[string]any{"Findings": s.Findings()})
	return true
}
