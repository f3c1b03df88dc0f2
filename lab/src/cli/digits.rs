//! Digits that can be read from across the room.

/// Each digit's rows, in the order of the digits.
const ROWS: [[&str; 10]; 5] = [
    ["###", "  #", "###", "###", "# #", "###", "###", "###", "###", "###"],
    ["# #", "  #", "  #", "  #", "# #", "#  ", "#  ", "  #", "# #", "# #"],
    ["# #", "  #", "###", "###", "###", "###", "###", "  #", "###", "###"],
    ["# #", "  #", "#  ", "  #", "  #", "  #", "# #", "  #", "# #", "  #"],
    ["###", "  #", "###", "###", "  #", "###", "###", "  #", "###", "###"],
];

/// A text of digits, five lines high; anything else in it is left out.
pub fn big(text: &str) -> String {
    let digits: Vec<usize> =
        text.chars().filter_map(|digit| digit.to_digit(10)).filter_map(|digit| digit.try_into().ok()).collect();
    let line = |row: &[&str; 10]| {
        let cells: Vec<String> = digits.iter().map(|digit| row[*digit].replace('#', "██").replace(' ', "  ")).collect();
        format!("    {}\n", cells.join("   "))
    };
    ROWS.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_five_lines_of_blocks() {
        let shown = big("17");
        assert_eq!(shown.lines().count(), 5);
        assert_eq!(shown.lines().next(), Some("        ██   ██████"));
        assert_eq!(shown.lines().nth(4), Some("        ██       ██"));
    }
}
