package policysimulation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Document is one policy in the grammar of IAM's JSON policy language (IAM
// User Guide, "Grammar of the IAM JSON policy language").
type Document struct {
	Version    string
	Statements []Statement
}

// Statement is one element of a policy's Statement.
type Statement struct {
	SID          string
	Deny         bool
	Actions      []string
	NotActions   []string
	Resources    []string
	NotResources []string
	Principals   map[string][]string
	NotPrincipal map[string][]string
	Conditions   []Condition
	// Start and End are where the statement stands in the document's text.
	Start, End Position
}

// Position is a place in a document; both numbers begin at 1.
type Position struct{ Line, Column int }

// Condition is one operator over one key.
type Condition struct {
	Operator string
	Key      string
	Values   []string
}

// ParseDocument reads a policy. Its errors say what in the text is wrong.
func ParseDocument(text string) (Document, error) {
	var outer struct {
		Version   string
		Statement json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &outer); err != nil {
		return Document{}, fmt.Errorf("the policy is not JSON: %w", err)
	}
	if len(outer.Statement) == 0 {
		return Document{}, errors.New("the policy has no Statement")
	}
	document := Document{Version: outer.Version}
	offset := strings.Index(text, string(outer.Statement))
	list := bytes.HasPrefix(outer.Statement, []byte("["))
	decoder := json.NewDecoder(bytes.NewReader(outer.Statement))
	if list {
		if _, err := decoder.Token(); err != nil {
			return Document{}, fmt.Errorf("reading the policy's statements: %w", err)
		}
	}
	for decoder.More() {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			return Document{}, fmt.Errorf("reading the policy's statements: %w", err)
		}
		statement, err := parseStatement(raw)
		if err != nil {
			return Document{}, fmt.Errorf("statement %d: %w", len(document.Statements)+1, err)
		}
		end := offset + int(decoder.InputOffset())
		statement.Start = position(text, end-len(raw))
		statement.End = position(text, end)
		document.Statements = append(document.Statements, statement)
	}
	return document, nil
}

func position(text string, offset int) Position {
	before := text[:offset]
	return Position{
		Line:   strings.Count(before, "\n") + 1,
		Column: offset - strings.LastIndexByte(before, '\n'),
	}
}

func parseStatement(raw []byte) (Statement, error) {
	var written struct {
		SID          string `json:"Sid"`
		Effect       string
		Action       texts
		NotAction    texts
		Resource     texts
		NotResource  texts
		Principal    principals
		NotPrincipal principals
		Condition    map[string]map[string]texts
	}
	if err := json.Unmarshal(raw, &written); err != nil {
		return Statement{}, err
	}
	if written.Effect != "Allow" && written.Effect != "Deny" {
		return Statement{}, fmt.Errorf("the effect is %q, not Allow or Deny", written.Effect)
	}
	if (len(written.Action) == 0) == (len(written.NotAction) == 0) {
		return Statement{}, errors.New("one of Action and NotAction is needed")
	}
	statement := Statement{
		SID:          written.SID,
		Deny:         written.Effect == "Deny",
		Actions:      written.Action,
		NotActions:   written.NotAction,
		Resources:    written.Resource,
		NotResources: written.NotResource,
		Principals:   written.Principal,
		NotPrincipal: written.NotPrincipal,
	}
	for operator, keys := range written.Condition {
		if _, err := parseOperator(operator); err != nil {
			return Statement{}, err
		}
		for key, values := range keys {
			statement.Conditions = append(statement.Conditions, Condition{Operator: operator, Key: key, Values: values})
		}
	}
	return statement, nil
}

// texts is a value that may be written alone or in a list, and as a boolean or
// a number as well as text.
type texts []string

func (t *texts) UnmarshalJSON(raw []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return err
	}
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	for _, item := range list {
		switch item := item.(type) {
		case string, bool, json.Number:
			*t = append(*t, fmt.Sprint(item))
		default:
			return fmt.Errorf("expected text, found %s", raw)
		}
	}
	return nil
}

// principals is "*", or lists by kind: {"AWS": […], "Service": […]}.
type principals map[string][]string

func (p *principals) UnmarshalJSON(raw []byte) error {
	var anyone string
	if json.Unmarshal(raw, &anyone) == nil {
		if anyone != "*" {
			return fmt.Errorf("the principal is %q, not \"*\" or a map", anyone)
		}
		*p = principals{"*": {"*"}}
		return nil
	}
	var kinds map[string]texts
	if err := json.Unmarshal(raw, &kinds); err != nil {
		return fmt.Errorf("reading the principal: %w", err)
	}
	*p = principals{}
	for kind, names := range kinds {
		(*p)[kind] = names
	}
	return nil
}
