package event

import (
	"encoding/json"
	"fmt"
	"strings"
)

// RefusedField is the field of a request that names the action which AWS refused
// to its subject, as in "logs:CreateLogStream". Requests for several things keep it.
const RefusedField = "refused"

// maxNamed bounds what one request can name. Sweep names a few.
const maxNamed = 1000

// lists are the fields of requests that name several things, and the field of a
// request for one of them.
var lists = []struct{ several, one string }{
	{"roles", "role"}, {"taskDefinitions", "taskDefinition"}, {"secrets", "secret"}, {"objects", "object"},
}

// decodeByHand reads a request, and turns one for several things into that many
// for one each.
func decodeByHand(fields map[string]json.RawMessage) []Trigger {
	request := ByHand{Fields: fields}
	if raw, given := fields["dry-run"]; given {
		var dryRun *bool
		if json.Unmarshal(raw, &dryRun) != nil || dryRun == nil {
			// Anyone who wrote it meant something; taken for false, it would change an account.
			return []Trigger{Malformed{"the field dry-run is neither true nor false"}}
		}
		request.DryRun = *dryRun
	}
	if raw, given := fields["rehearsal"]; given {
		var rehearsal *bool
		if json.Unmarshal(raw, &rehearsal) != nil || rehearsal == nil {
			return []Trigger{Malformed{"the field rehearsal is neither true nor false"}}
		}
		request.Rehearsal = *rehearsal
		request.DryRun = request.DryRun || *rehearsal
	}
	for _, list := range lists {
		raw, given := fields[list.several]
		if !given {
			continue
		}
		var named []json.RawMessage
		switch err := json.Unmarshal(raw, &named); {
		case err != nil:
			return []Trigger{Malformed{fmt.Sprintf("the field %s is not a list", list.several)}}
		case len(named) == 0:
			return []Trigger{Malformed{fmt.Sprintf("the list %s is empty", list.several)}}
		case len(named) > maxNamed:
			return []Trigger{Malformed{fmt.Sprintf("the list %s has %d entries, more than the %d that one request may have", list.several, len(named), maxNamed)}}
		}
		request.Sweep, _ = request.Text("sweep")
		triggers := make([]Trigger, len(named))
		for i, name := range named {
			triggers[i] = request.forOne(list.several, list.one, name)
		}
		return triggers
	}
	return []Trigger{request}
}

// forOne is the same request, for one thing.
func (b ByHand) forOne(list, field string, name json.RawMessage) Trigger {
	var text *string
	if json.Unmarshal(name, &text) != nil || text == nil {
		return Malformed{fmt.Sprintf("an entry of %s is not text", list)}
	}
	refused, hasRefused := b.Fields[RefusedField]
	b.Fields = map[string]json.RawMessage{field: name}
	if hasRefused {
		b.Fields[RefusedField] = refused
	}
	if field != "object" {
		return b
	}
	address, isS3 := strings.CutPrefix(*text, "s3://")
	bucket, key, found := strings.Cut(address, "/")
	if !isS3 || !found || bucket == "" || key == "" {
		return Malformed{"an entry of objects is not of the form s3://bucket/key"}
	}
	b.Fields = map[string]json.RawMessage{}
	for part, word := range map[string]string{"bucket": bucket, "key": key} {
		marshalled, err := json.Marshal(word)
		if err != nil {
			return Malformed{"an entry of objects is not text"}
		}
		b.Fields[part] = marshalled
	}
	return b
}
