// Package taskdefinition completes what the emulator says of task definitions:
// who registered them, where it names its account's root for all (ECS API
// reference, TaskDefinition, registeredBy), and which is a family's latest, where
// it takes one that was deregistered (DescribeTaskDefinition, taskDefinition:
// "family for the latest ACTIVE revision").
package taskdefinition

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
)

// Store remembers who registered what. The zero value is empty.
type Store struct {
	// Identify gives the ARN of who made a call: a user's, or a role session's.
	Identify func(awscall.Exchange) (string, error)
	// Latest gives the name of a family's latest active revision, "" where it has
	// none.
	Latest func(family string) (string, error)
	// Describe asks the emulator for a task definition by a call like the one that
	// is amended.
	Describe func(like awscall.Exchange, name string) ([]byte, error)

	mutex sync.Mutex
	by    map[string]string
}

// AmendRegistration is informed about an answer to RegisterTaskDefinition.
func (s *Store) AmendRegistration(exchange awscall.Exchange, body []byte) ([]byte, error) {
	return s.amend(body, func(arn string) (string, error) {
		by, err := s.Identify(exchange)
		if err != nil {
			return "", fmt.Errorf("finding who %s is: %w", exchange.Call.Caller, err)
		}
		s.mutex.Lock()
		defer s.mutex.Unlock()
		if s.by == nil {
			s.by = map[string]string{}
		}
		s.by[arn] = by
		return by, nil
	})
}

// AmendDescription completes an answer to DescribeTaskDefinition.
func (s *Store) AmendDescription(exchange awscall.Exchange, body []byte) ([]byte, error) {
	body, err := s.active(exchange, body)
	if err != nil {
		return nil, err
	}
	return s.amend(body, func(arn string) (string, error) {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		return s.by[arn], nil
	})
}

// amend writes registeredBy where something is known about it.
func (*Store) amend(body []byte, registeredBy func(arn string) (string, error)) ([]byte, error) {
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("reading the task definition: %w", err)
	}
	definition, _ := answer["taskDefinition"].(map[string]any)
	arn, _ := definition["taskDefinitionArn"].(string)
	by, err := registeredBy(arn)
	if err != nil || by == "" || definition == nil {
		return body, err
	}
	definition["registeredBy"] = by
	return json.Marshal(answer)
}

// active gives the answer about the latest active revision where a family was
// asked for, and the emulator informed about one that was deregistered.
func (s *Store) active(exchange awscall.Exchange, body []byte) ([]byte, error) {
	asked, _ := exchange.Parameters["taskDefinition"].(string)
	var answer struct{ TaskDefinition struct{ Status string } }
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("reading the task definition: %w", err)
	}
	if strings.Contains(asked, ":") || answer.TaskDefinition.Status != "INACTIVE" {
		return body, nil
	}
	latest, err := s.Latest(asked)
	if err != nil || latest == "" {
		return body, err
	}
	return s.Describe(exchange, latest)
}
