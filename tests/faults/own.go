package faults

import (
	"encoding/json"
	"slices"
	"strings"
)

// own takes out of a list what belongs to other worlds.
func (w *World) own(answer []byte) []byte {
	switch {
	case !markPattern.Match(answer):
		return answer
	case answer[0] == '{':
		return w.ownJSON(answer)
	}
	return []byte(w.ownXML(string(answer)))
}

// ownXML takes the elements of other worlds out of the lists of an XML answer:
// the outermost <member> of IAM, <Contents> and <Version> of S3.
func (w *World) ownXML(answer string) string {
	var kept strings.Builder
	for {
		start, name := len(answer), ""
		for _, item := range []string{"member", "Contents", "Version"} {
			if at := strings.Index(answer, "<"+item+">"); at >= 0 && at < start {
				start, name = at, item
			}
		}
		kept.WriteString(answer[:start])
		if name == "" {
			return kept.String()
		}
		end := start + elementLength(answer[start:], name)
		if element := answer[start:end]; !w.foreign(element) {
			kept.WriteString(element)
		}
		answer = answer[end:]
	}
}

// elementLength is how far the element reaches that a text begins with, others of
// its name inside included.
func elementLength(text, name string) int {
	opening, closing := "<"+name+">", "</"+name+">"
	depth, at := 0, 0
	for {
		next := strings.Index(text[at:], closing)
		if next < 0 {
			return len(text)
		}
		depth += strings.Count(text[at:at+next], opening) - 1
		at += next + len(closing)
		if depth <= 0 {
			return at
		}
	}
}

// ownJSON takes the items of other worlds out of the lists of a JSON answer.
func (w *World) ownJSON(answer []byte) []byte {
	var fields map[string]json.RawMessage
	if json.Unmarshal(answer, &fields) != nil {
		return answer
	}
	for name, raw := range fields {
		var items []json.RawMessage
		if json.Unmarshal(raw, &items) != nil {
			continue
		}
		items = slices.DeleteFunc(items, func(item json.RawMessage) bool { return w.foreign(string(item)) })
		if items == nil {
			items = []json.RawMessage{}
		}
		// What was read as JSON is written again.
		fields[name], _ = json.Marshal(items)
	}
	written, err := json.Marshal(fields)
	if err != nil {
		return answer
	}
	return written
}
