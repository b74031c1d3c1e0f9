package userdata

import (
	"strings"
)

// Edit is a certain change of the source: the bytes from Start up to End become Text.
type Edit struct {
	Start, End int
	Text       string
	// Content is the ecs.config that results, "" where the edit is about
	// something else.
	Content string
}

// Edits are the changes that are certain to be what the author meant, one by
// one: each assumes that no other was made. What an edit ends shows when the
// result is read again.
func (c Configuration) Edits() []Edit {
	var edits []Edit
	for _, n := range c.notes {
		if n.code == codeLeadingSpace && c.isWhole {
			trimmed := strings.TrimLeft(string(c.source), " \t\r\n\ufeff")
			edits = append(edits, Edit{End: len(c.source) - len(trimmed)})
		}
	}
	for _, u := range c.unquoted {
		if raw := u.word.String(); u.word.isExact() && !strings.ContainsAny(raw, "'$`\\") {
			start := u.word.pieces[0].offset
			edits = append(edits, Edit{Start: start, End: start + len(raw), Text: "'" + raw + "'"})
		}
	}
	content := c.result
	if c.Form == ConfigFile {
		if strings.HasPrefix(content, "\ufeff") {
			edits = append(edits, Edit{End: len("\ufeff"), Content: content[len("\ufeff"):]})
		}
		if content != "" && !strings.HasSuffix(content, "\n") {
			edits = append(edits, Edit{Start: len(content), End: len(content), Text: "\n", Content: content + "\n"})
		}
	}
	starts := []int{0}
	for i := range len(content) {
		if content[i] == '\n' {
			starts = append(starts, i+1)
		}
	}
	for _, correction := range c.file.Corrections() {
		if correction.Line < 1 || correction.Line > len(starts) {
			continue
		}
		start := starts[correction.Line-1]
		end := start + strings.IndexByte(content[start:]+"\n", '\n')
		if edit, ok := c.editOf(start, end, correction.Text.Reveal()); ok {
			edits = append(edits, edit)
		}
	}
	return edits
}

// editOf carries a change of the resulting file over to the source, where the
// bytes that change are written there as they are.
func (c Configuration) editOf(start, end int, text string) (Edit, bool) {
	content := c.result
	result := content[:start] + text + content[end:]
	for start < end && text != "" && content[start] == text[0] {
		start, text = start+1, text[1:]
	}
	for end > start && text != "" && content[end-1] == text[len(text)-1] {
		end, text = end-1, text[:len(text)-1]
	}
	if start == end && text == "" {
		return Edit{}, false
	}
	span := c.content.slice(start, end)
	if start == end {
		// An insertion: it goes before the byte that follows, or after the one before.
		span = c.content.slice(start, min(start+1, len(content)))
		if !span.isExact() {
			if before := c.content.slice(max(start-1, 0), start); before.isExact() {
				offset := before.pieces[0].offset + 1
				return Edit{offset, offset, text, result}, true
			}
			return Edit{}, false
		}
		return Edit{span.pieces[0].offset, span.pieces[0].offset, text, result}, true
	}
	if !span.isExact() {
		return Edit{}, false
	}
	position := span.pieces[0].offset
	return Edit{position, position + end - start, text, result}, true
}

// Content is the ecs.config that results, with a placeholder for what isn't
// known. It holds secrets.
func (c Configuration) Content() string { return c.result }
