// Package rolepages cuts the emulator's answers to iam:ListRoles and to
// iam:GetAccountAuthorizationDetails into pages: the emulator gives everything
// at once, AWS at most a hundred unless asked for up to a thousand (IAM API
// Reference, ListRoles). The latter also gets the permissions boundaries, which
// the emulator leaves out of it.
package rolepages

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"

	"ecsguardrails/tests/awscall"
	"ecsguardrails/tests/endpoint"
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
	at := int64(0)
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
type span struct{ start, end int64 }

// members finds the elements <member> directly in the lists.
func members(body []byte, lists []string) ([]span, error) {
	decoder := xml.NewDecoder(bytes.NewReader(body))
	var found []span
	inList, depth := false, 0
	for {
		before := decoder.InputOffset()
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			switch {
			case !inList && slices.Contains(lists, token.Name.Local):
				inList, depth = true, 0
				continue
			case inList && depth == 0 && token.Name.Local == "member":
				found = append(found, span{start: before})
			}
			if inList {
				depth++
			}
		case xml.EndElement:
			if inList && depth == 0 {
				inList = false
				continue
			}
			if inList {
				depth--
				if depth == 0 {
					found[len(found)-1].end = decoder.InputOffset()
				}
			}
		}
	}
}
