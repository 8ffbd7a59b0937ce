package problem

import (
	"fmt"
	"strings"
)

// longestWord is how long a word may be that is compared with others.
const longestWord = 80

// Wanted says which words there are, with the one most like word in front.
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

// Nearest returns the word that differs from word by the fewest letters, or "" if
// none is like it.
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

// Distance counts the letters to insert, delete or replace (Levenshtein).
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
