package problem

import (
	"fmt"
	"strings"
)

// longestWord is the length, in bytes, above which a word is not compared with others.
const longestWord = 80

// Wanted lists the words that are allowed, for an error about word, and asks whether the most
// similar one was meant.
func Wanted(word string, words []string) string {
	if len(words) == 0 {
		return "wanted none"
	}
	const most = 20
	list := "wanted one of: " + strings.Join(words[:min(len(words), most)], ", ")
	if len(words) > most {
		list += fmt.Sprintf(", … (%d in all)", len(words))
	}
	if like := Nearest(word, words); like != "" {
		return fmt.Sprintf("did you mean %q? %s", like, list)
	}
	return list
}

// Nearest returns the one of words that differs from word by the fewest letters, or "" if
// none is similar. At most 3 letters, and at most half of the word rounded up, may differ.
func Nearest(word string, words []string) (like string) {
	if len(word) > longestWord {
		return ""
	}
	best := min(3, (len(word)+1)/2) + 1
	for _, w := range words {
		if max(len(w)-len(word), len(word)-len(w)) >= best {
			continue
		}
		if d := Distance(word, w); d < best {
			best, like = d, w
		}
	}
	return like
}

// Distance is the number of bytes to insert, delete or replace to turn a into b (Levenshtein).
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
