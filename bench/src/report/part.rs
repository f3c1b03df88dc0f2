//! Replacing in the written report what belongs to the part that was measured by itself.

/// How a section begins.
const HEADING: &str = "## ";

/// The document with each of the part's sections in the place of the section with the same heading, or at the end where there is
/// none; `occasion` stands under each of their headings. All else stays as it is.
#[must_use]
pub fn replace(document: &str, part: &str, occasion: &str) -> String {
    let mut sections = split(document);
    for fresh in split(part).into_iter().filter(|section| section.starts_with(HEADING)) {
        let (heading, body) = fresh.split_once('\n').unwrap_or((&fresh, ""));
        let stamped = format!("{heading}\n\n*{occasion}*\n\n{}\n", body.trim());
        match sections.iter_mut().find(|section| section.lines().next() == Some(heading)) {
            Some(known) => *known = stamped,
            None => sections.push(stamped),
        }
    }
    let trimmed: Vec<&str> = sections.iter().map(|section| section.trim()).filter(|it| !it.is_empty()).collect();
    trimmed.join("\n\n") + "\n"
}

/// What comes before the first heading, then each section with its heading.
fn split(text: &str) -> Vec<String> {
    let mut sections = vec![String::new()];
    for line in text.lines() {
        if line.starts_with(HEADING) {
            sections.push(String::new());
        }
        if let Some(section) = sections.last_mut() {
            section.push_str(line);
            section.push('\n');
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "# Benchmarks\n\n- machine: this\n\n## Calls\n\n| a |\n\n### Ways\n\nb\n\n## Memory\n\nc\n";

    #[test]
    fn a_section_takes_its_own_place_and_the_rest_stays() {
        let once = replace(DOCUMENT, "\n## Calls\n\n| new |\n", "Measured today.");
        assert_eq!(
            once,
            "# Benchmarks\n\n- machine: this\n\n## Calls\n\n*Measured today.*\n\n| new |\n\n## Memory\n\nc\n"
        );
        let twice = replace(&once, "\n## Calls\n\n| newer |\n", "Measured tomorrow.");
        assert_eq!(twice, once.replace("| new |", "| newer |").replace("today", "tomorrow"));
    }

    #[test]
    fn a_section_that_was_not_there_comes_at_the_end() {
        let both = replace(DOCUMENT, "\n## The page\n\nd\n\n## Memory\n\ne\n", "Now.");
        assert_eq!(
            both,
            DOCUMENT.replace("## Memory\n\nc\n", "## Memory\n\n*Now.*\n\ne\n\n## The page\n\n*Now.*\n\nd\n")
        );
    }

    #[test]
    fn a_heading_is_the_whole_line_and_a_smaller_one_is_none() {
        let other = replace(DOCUMENT, "\n## Call\n\nf\n", "Now.");
        assert_eq!(other, format!("{DOCUMENT}\n## Call\n\n*Now.*\n\nf\n"));
        assert_eq!(replace(DOCUMENT, "### Ways\n\ng\n", "Now."), DOCUMENT);
    }
}
