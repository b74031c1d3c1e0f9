// Package rolepages cuts the emulator's answers to iam:ListRoles and to
// iam:GetAccountAuthorizationDetails into pages: the emulator gives everything
// at once, AWS at most a hundred unless asked for up to a thousand (IAM API
// Reference, ListRoles). The latter also gets the permissions boundaries, which
// the emulator leaves out of it.
package rolepages

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/endpoint"
)

const (
	defaultSize = 100
	maxSize     = 1000
)

// Service amends answers about roles.
type Service struct {
	mutex sync.Mutex
	// boundaries by the role's name, as far as they were set through the endpoint.
	boundaries map[string]string
}

// Amendments are the endpoint's, by operation.
func (s *Service) Amendments() map[string]endpoint.Amendment {
	return map[string]endpoint.Amendment{
		"iam:ListRoles":                      func(exchange awscall.Exchange, body []byte) ([]byte, error) { return page(exchange, body, "Roles") },
		"iam:GetAccountAuthorizationDetails": s.details,
		"iam:CreateRole":                     s.observe,
		"iam:PutRolePermissionsBoundary":     s.observe,
		"iam:DeleteRolePermissionsBoundary":  s.observe,
	}
}

// observe notes the boundary that a role has after a good answer.
func (s *Service) observe(exchange awscall.Exchange, body []byte) ([]byte, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.boundaries == nil {
		s.boundaries = map[string]string{}
	}
	role, _ := exchange.Parameters["RoleName"].(string)
	s.boundaries[role], _ = exchange.Parameters["PermissionsBoundary"].(string)
	return body, nil
}

func (s *Service) details(exchange awscall.Exchange, body []byte) ([]byte, error) {
	body, err := page(exchange, body, "RoleDetailList", "Policies")
	if err != nil {
		return nil, err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for role, boundary := range s.boundaries {
		if boundary != "" {
			name := "<RoleName>" + role + "</RoleName>"
			body = bytes.Replace(body, []byte("<member>"+name), []byte("<member><PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType><PermissionsBoundaryArn>"+
				boundary+"</PermissionsBoundaryArn></PermissionsBoundary>"+name), 1)
		}
	}
	return body, nil
}

// page keeps one page of the members of the named lists, which stand in this
// order. The marker is the number of those that came before.
func page(exchange awscall.Exchange, body []byte, lists ...string) ([]byte, error) {
	size, start := number(exchange, "MaxItems", defaultSize), number(exchange, "Marker", 0)
	size = min(max(size, 1), maxSize)
	all, err := members(body, lists)
	if err != nil {
		return nil, fmt.Errorf("reading %v: %w", lists, err)
	}
	start = min(max(start, 0), len(all))
	end := min(start+size, len(all))
	if start == 0 && end == len(all) {
		return body, nil
	}
	var amended []byte
	at := 0
	for i, member := range all {
		amended = append(amended, body[at:member.start]...)
		if i >= start && i < end {
			amended = append(amended, body[member.start:member.end]...)
		}
		at = member.end
	}
	rest := body[at:]
	if end < len(all) {
		more := "<IsTruncated>true</IsTruncated><Marker>" + strconv.Itoa(end) + "</Marker>"
		rest = bytes.Replace(rest, []byte("<IsTruncated>false</IsTruncated>"), []byte(more), 1)
	}
	return append(amended, rest...), nil
}

func number(exchange awscall.Exchange, name string, otherwise int) int {
	text, _ := exchange.Parameters[name].(string)
	value, err := strconv.Atoi(text)
	if err != nil {
		return otherwise
	}
	return value
}

// span is where a member stands in the answer.
type span struct{ start, end int }

// members finds the elements <member> directly in the lists. It reads tags
// alone, since a parser would take longer than the emulator does for an account
// of thousands of roles.
func members(body []byte, lists []string) ([]span, error) {
	var found []span
	at := 0
	for _, list := range lists {
		begin := bytes.Index(body[at:], []byte("<"+list+">"))
		if begin < 0 {
			continue
		}
		at += begin + len(list) + 2
		end := bytes.Index(body[at:], []byte("</"+list+">"))
		if end < 0 {
			return nil, fmt.Errorf("the list %s does not end", list)
		}
		inner, err := membersOf(body[at : at+end])
		if err != nil {
			return nil, fmt.Errorf("the list %s: %w", list, err)
		}
		for _, member := range inner {
			found = append(found, span{at + member.start, at + member.end})
		}
		at += end
	}
	return found, nil
}

var opening, closing = []byte("<member>"), []byte("</member>")

// membersOf finds those of a list that are not within others.
func membersOf(list []byte) ([]span, error) {
	var found []span
	depth := 0
	for at := 0; ; {
		next := bytes.IndexByte(list[at:], '<')
		switch {
		case next < 0 && depth > 0:
			return nil, errors.New("a member does not end")
		case next < 0:
			return found, nil
		}
		at += next
		switch {
		case bytes.HasPrefix(list[at:], opening):
			if depth == 0 {
				found = append(found, span{start: at})
			}
			depth++
		case bytes.HasPrefix(list[at:], closing):
			if depth--; depth < 0 {
				return nil, errors.New("a member ends that did not begin")
			}
			if depth == 0 {
				found[len(found)-1].end = at + len(closing)
			}
		}
		at++
	}
}
