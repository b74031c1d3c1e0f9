// Package rolepages cuts the emulator's answer to iam:ListRoles into pages:
// the emulator gives all roles at once, AWS at most a hundred unless asked for
// up to a thousand (IAM API Reference, ListRoles).
package rolepages

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"

	"ecsguardrails/tests/awscall"
)

const (
	defaultSize = 100
	maxSize     = 1000
)

// Amend is the endpoint's amendment of iam:ListRoles. The marker is the number
// of roles that came before.
func Amend(exchange awscall.Exchange, body []byte) ([]byte, error) {
	size, start := number(exchange, "MaxItems", defaultSize), number(exchange, "Marker", 0)
	size = min(max(size, 1), maxSize)
	roles, err := members(body)
	if err != nil {
		return nil, fmt.Errorf("reading the roles: %w", err)
	}
	start = min(max(start, 0), len(roles))
	end := min(start+size, len(roles))
	if start == 0 && end == len(roles) {
		return body, nil
	}
	page := roles[start:end]
	amended := bytes.Clone(body[:roles[0].start])
	for _, role := range page {
		amended = append(amended, body[role.start:role.end]...)
	}
	rest := body[roles[len(roles)-1].end:]
	if end < len(roles) {
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

// span is where a role stands in the answer.
type span struct{ start, end int64 }

// members finds the roles: the elements <member> directly in <Roles>.
func members(body []byte) ([]span, error) {
	decoder := xml.NewDecoder(bytes.NewReader(body))
	var found []span
	inRoles, depth := false, 0
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
			case !inRoles && token.Name.Local == "Roles":
				inRoles, depth = true, 0
				continue
			case inRoles && depth == 0 && token.Name.Local == "member":
				found = append(found, span{start: before})
			}
			depth++
		case xml.EndElement:
			if inRoles && depth == 0 {
				return found, nil
			}
			depth--
			if inRoles && depth == 0 {
				found[len(found)-1].end = decoder.InputOffset()
			}
		}
	}
}
