package userdata

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Text is text that knows where in the source file each of its bytes was
// written, and which of its parts can't be known before the instance boots.
type Text struct {
	pieces []piece
	// ends are where the pieces end, of a text that has many of them; nil for any
	// other.
	ends []int
}

// piece is a run of bytes that share how they came about.
type piece struct {
	s string
	// at is the byte offset of the piece in the source file. The byte i of an
	// exact piece is at at+i. All of any other stands for the bytes at at: an
	// escape sequence, or what was unpacked from there.
	offset int
	exact  bool
	// unknown says what the text depends on; s is then a placeholder.
	unknown string
	// condition is the line of the condition under which the piece is written, 0 for none.
	condition int
}

// placeholder stands where text isn't known. It is a private-use character, so
// that it is literal text to every parser.
const placeholder = "\ue000"

// SourceText is the text of a whole source file.
func SourceText(source []byte) Text {
	return Text{pieces: []piece{{s: string(source), exact: true}}}
}

// unknownText is a value that depends on something.
func unknownText(dependsOn string, offset int) Text {
	return Text{pieces: []piece{{s: placeholder, offset: offset, unknown: dependsOn}}}
}

// madeText is text that isn't in the source but stands for what is at at.
func madeText(s string, offset int) Text { return Text{pieces: []piece{{s: s, offset: offset}}} }

// unpackedText is what the whole text unpacks to. All of it has the same place.
func (t Text) unpacked(s []byte) Text { return madeText(string(s), t.offset(0)) }

func (t Text) String() string {
	if len(t.pieces) == 1 {
		return t.pieces[0].s
	}
	var b strings.Builder
	for _, p := range t.pieces {
		b.WriteString(p.s)
	}
	return b.String()
}

func (t Text) length() int {
	if t.ends != nil {
		return t.ends[len(t.ends)-1]
	}
	n := 0
	for _, p := range t.pieces {
		n += len(p.s)
	}
	return n
}

// manyPieces is from how many on the ends of the pieces are kept.
const manyPieces = 16

// from gives the pieces from the one on that the byte i is in, and where the
// first of them begins.
func (t Text) from(i int) (pieces []piece, start int) {
	if t.ends == nil {
		return t.pieces, 0
	}
	first, found := slices.BinarySearch(t.ends, i)
	if found {
		first++ // the byte after a piece
	}
	if first == 0 {
		return t.pieces, 0
	}
	first = min(first, len(t.pieces)-1)
	if first == 0 {
		return t.pieces, 0
	}
	return t.pieces[first:], t.ends[first-1]
}

// offset is where the byte i was written; for i at the end, where it would be.
func (t Text) offset(i int) int {
	end := 0
	pieces, start := t.from(i)
	i -= start
	for _, p := range pieces {
		if i < len(p.s) {
			if p.exact {
				return p.offset + i
			}
			return p.offset
		}
		i -= len(p.s)
		end = p.offset
		if p.exact {
			end += len(p.s)
		}
	}
	return end
}

// slice is the bytes from start up to end.
func (t Text) slice(start, end int) Text {
	var out []piece
	pieces, before := t.from(max(start, 0))
	start, end = start-before, end-before
	for _, p := range pieces {
		if end <= 0 {
			break
		}
		if start < len(p.s) {
			from, to := max(start, 0), min(end, len(p.s))
			if from < to {
				cut := p
				cut.s = p.s[from:to]
				if p.exact {
					cut.offset += from
				}
				out = append(out, cut)
			}
		}
		start -= len(p.s)
		end -= len(p.s)
	}
	return textOf(out)
}

// textOf is the text of pieces that don't change any more.
func textOf(pieces []piece) Text {
	if len(pieces) < manyPieces {
		return Text{pieces: pieces}
	}
	ends := make([]int, len(pieces))
	end := 0
	for i, p := range pieces {
		end += len(p.s)
		ends[i] = end
	}
	return Text{pieces, ends}
}

// plus appends other.
func (t Text) plus(other Text) Text {
	var b builder
	b.add(t)
	b.add(other)
	return b.text()
}

// builder puts a text together, joining pieces that continue each other.
type builder struct {
	pieces []piece
	// more are the strings that continue the last piece, end is where in the source
	// the last one ends.
	more []string
	end  int
}

func (b *builder) add(t Text) {
	for _, p := range t.pieces {
		if p.s == "" {
			continue
		}
		if b.isContinued(p) {
			b.more = append(b.more, p.s)
			b.end += len(p.s)
			continue
		}
		b.flush()
		b.pieces = append(b.pieces, p)
		b.end = p.offset + len(p.s)
	}
}

func (b *builder) isContinued(p piece) bool {
	if len(b.pieces) == 0 {
		return false
	}
	last := b.pieces[len(b.pieces)-1]
	return last.exact && p.exact && b.end == p.offset && last.unknown == p.unknown && last.condition == p.condition
}

// flush joins what continues the last piece.
func (b *builder) flush() {
	if len(b.more) == 0 {
		return
	}
	last := &b.pieces[len(b.pieces)-1]
	last.s += strings.Join(b.more, "")
	b.more = nil
}

func (b *builder) text() Text {
	b.flush()
	return textOf(b.pieces[:len(b.pieces):len(b.pieces)])
}

// unknown says what the text depends on, "" if all of it is known.
func (t Text) unknown() string {
	var reasons []string
	for _, p := range t.pieces {
		if p.unknown != "" && (len(reasons) == 0 || reasons[len(reasons)-1] != p.unknown) {
			reasons = append(reasons, p.unknown)
		}
	}
	return strings.Join(reasons, " and ")
}

// condition is the line of the first condition that the text is written under.
func (t Text) condition() int {
	for _, p := range t.pieces {
		if p.condition != 0 {
			return p.condition
		}
	}
	return 0
}

// under marks text as written under a condition.
func (t Text) under(line int) Text {
	if line == 0 {
		return t
	}
	out := make([]piece, len(t.pieces))
	for i, p := range t.pieces {
		if p.condition == 0 {
			p.condition = line
		}
		out[i] = p
	}
	return Text{out, t.ends}
}

// without takes a condition off text that is written whether it holds or not.
func (t Text) without(condition int) Text {
	out := make([]piece, len(t.pieces))
	for i, p := range t.pieces {
		if p.condition == condition {
			p.condition = 0
		}
		out[i] = p
	}
	return Text{out, t.ends}
}

// isExact says that the text is in the source byte for byte, in one run.
func (t Text) isExact() bool { return len(t.pieces) == 1 && t.pieces[0].exact }

// trimSpace is strings.TrimSpace.
func (t Text) trimSpace() Text {
	s := t.String()
	trimmed := strings.TrimSpace(s)
	start := strings.Index(s, trimmed)
	return t.slice(start, start+len(trimmed))
}

// lines splits after each newline, which the lines keep.
func (t Text) lines() []Text {
	var out []Text
	s := t.String()
	for start := 0; start < len(s); {
		end := len(s)
		if i := strings.IndexByte(s[start:], '\n'); i >= 0 {
			end = start + i + 1
		}
		out = append(out, t.slice(start, end))
		start = end
	}
	return out
}

// aligned gives the places of a value that a parser decoded from the source at
// start: it walks both and skips in the source what isn't in the value, as
// indentation, quotes and backslashes. Where it loses its way, the rest of the
// value has the last known place.
func aligned(value string, source Text, start int) Text {
	raw := source.String()
	var out builder
	offset := start
	for i := 0; i < len(value); {
		n := 0 // bytes from here on which value and source agree
		for i+n < len(value) && offset+n < len(raw) && value[i+n] == raw[offset+n] && raw[offset+n] != '\\' {
			n++
			if value[i+n-1] == '\n' {
				break // indentation may follow
			}
		}
		if n > 0 {
			out.add(source.slice(offset, offset+n))
			i, offset = i+n, offset+n
			continue
		}
		if meaning, size := escapeAt(raw, offset); size > 0 && strings.HasPrefix(value[i:], meaning) {
			out.add(madeText(meaning, source.offset(offset)))
			i, offset = i+len(meaning), offset+size
			continue
		}
		if offset < len(raw) && raw[offset] == value[i] { // a backslash that is literal
			out.add(source.slice(offset, offset+1))
			i, offset = i+1, offset+1
			continue
		}
		next := skipped(raw, offset, value[i:])
		if next < 0 {
			out.add(madeText(value[i:], source.offset(min(offset, len(raw)))))
			break
		}
		offset = next
	}
	return out.text()
}

// escapeAt gives what the escape sequence at raw[at:] means in JSON, YAML and
// TOML, and its length, 0 for none.
func escapeAt(raw string, offset int) (meaning string, size int) {
	if offset+1 >= len(raw) || raw[offset] != '\\' {
		return "", 0
	}
	switch c := raw[offset+1]; c {
	case 'n':
		return "\n", 2
	case 't':
		return "\t", 2
	case 'r':
		return "\r", 2
	case 'b':
		return "\b", 2
	case 'f':
		return "\f", 2
	case 'e':
		return "\x1b", 2
	case '0':
		return "\x00", 2
	case '"', '\\', '/', ' ', '\'':
		return string(c), 2
	case 'x', 'u', 'U':
		digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
		if offset+2+digits > len(raw) {
			return "", 0
		}
		code, err := strconv.ParseUint(raw[offset+2:offset+2+digits], 16, 32)
		if err != nil {
			return "", 0
		}
		if _, size := escapeAt(raw, offset+6); c == 'u' && utf16.IsSurrogate(rune(code)) && size == 6 {
			low, _ := strconv.ParseUint(raw[offset+8:offset+12], 16, 32)
			if r := utf16.DecodeRune(rune(code), rune(low)); r != utf8.RuneError {
				return string(r), 12
			}
		}
		return string(rune(code)), 2 + digits
	}
	return "", 0
}

// skipped is the next place in raw, after white space, quotes and line
// continuations, where the value goes on; -1 for none near.
func skipped(raw string, offset int, value string) int {
	for i := offset; i < len(raw) && i < offset+1000; i++ {
		if i > offset {
			if raw[i] == value[0] && raw[i] != '\\' {
				return i
			}
			if meaning, size := escapeAt(raw, i); size > 0 && strings.HasPrefix(value, meaning) {
				return i
			}
		}
		if !strings.Contains(" \t\r\n\"'\\|>-+0123456789", raw[i:i+1]) {
			return -1
		}
	}
	return -1
}

// Plus appends other.
func (t Text) Plus(other Text) Text { return t.plus(other) }

// IsEmpty says that there is no text at all.
func (t Text) IsEmpty() bool { return t.length() == 0 }

// Unknown says what the text depends on, "" if all of it is known.
func (t Text) Unknown() string { return t.unknown() }

// At gives the same text with all of it at one byte of the source.
func (t Text) At(offset int) Text {
	out := make([]piece, len(t.pieces))
	for i, p := range t.pieces {
		p.offset, p.exact = offset, false
		out[i] = p
	}
	return Text{out, t.ends}
}

// Under gives the text as written only if the condition at a byte of the source holds.
func (t Text) Under(offset int) Text { return t.under(offset + 1) }

// UnknownText is a value that depends on an expression at a byte of the source.
// The expression is shown if it can hold no secret.
func UnknownText(before, inner, after string, offset int) Text {
	return unknownText(expression(before, inner, after), offset)
}

// AlignedText is a value that a parser decoded from what begins at a byte of the source.
func AlignedText(value string, source Text, start int) Text { return aligned(value, source, start) }

// Fill puts values that are known in the place of a template's ${name}.
func (t Text) Fill(values map[string]Text) Text {
	s := t.String()
	var out builder
	kept := 0
	for i := 0; i < len(s)-3; i++ {
		if s[i] != '$' || s[i+1] != '{' || i > 0 && s[i-1] == '$' {
			continue
		}
		end := closingBrace(s[i:])
		if end < 0 {
			continue
		}
		if value, ok := values[strings.TrimSpace(s[i+2:i+end])]; ok && value.length() > 0 && value.unknown() == "" {
			out.add(t.slice(kept, i))
			out.add(value.At(t.offset(i)))
			kept = i + end + 1
		}
		i += end
	}
	out.add(t.slice(kept, len(s)))
	return out.text()
}
