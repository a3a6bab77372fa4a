using AngleSharp.Dom;
using BlazorAuth.Web.Components;
using Bunit;

namespace BlazorAuth.UnitTests.Pages;

public sealed class FieldTests : BunitContext
{
    private static readonly FormErrors Wrong = FormErrors.None.Add("email", "Enter an e-mail address.");

    private IRenderedComponent<Field> Email(FormErrors? errors = null, string? hint = null, string? value = null) =>
        Render<Field>(p =>
            p.Add(f => f.Id, "email")
                .Add(f => f.Label, "E-mail address")
                .Add(f => f.Hint, hint)
                .Add(f => f.Value, value)
                .Add(f => f.Errors, errors ?? FormErrors.None)
        );

    [Fact]
    public void A_label_stands_above_its_input_and_names_it()
    {
        var field = Email();
        Assert.Equal("email", field.Find("label").GetAttribute("for"));
        Assert.Equal("E-mail address", field.Find("label").TextContent);
        Assert.Equal("email", field.Find("input").GetAttribute("name"));
        Assert.False(field.Find("input").HasAttribute("placeholder"));
    }

    [Fact]
    public void A_valid_field_points_to_nothing_and_is_not_called_invalid()
    {
        var input = Email().Find("input");
        Assert.False(input.HasAttribute("aria-describedby"));
        Assert.False(input.HasAttribute("aria-invalid"));
    }

    [Fact]
    public void A_hint_is_tied_to_the_input()
    {
        var field = Email(hint: "We send an email there.");
        Assert.Equal(
            "We send an email there.",
            field.Find("#" + field.Find("input").GetAttribute("aria-describedby")).TextContent.Trim()
        );
    }

    [Fact]
    public void An_error_is_tied_to_the_input_after_the_hint()
    {
        var input = Email(Wrong, "We send an email there.").Find("input");
        Assert.Equal("email-hint email-error", input.GetAttribute("aria-describedby"));
        Assert.Equal("true", input.GetAttribute("aria-invalid"));
    }

    [Fact]
    public void An_error_says_that_it_is_one_to_who_cannot_see_its_colour()
    {
        var error = Email(Wrong).Find("#email-error");
        Assert.Equal("Error:", error.QuerySelector(".visually-hidden")!.TextContent);
        Assert.Equal("Error: Enter an e-mail address.", error.TextContent);
    }

    [Fact]
    public void An_error_of_another_field_is_not_shown_here() =>
        Assert.Empty(Email(FormErrors.None.Add("code", "Enter the code.")).FindAll(".field-error"));

    [Fact]
    public void What_was_typed_stays_in_the_field() =>
        Assert.Equal("ada@example", Email(Wrong, value: "ada@example").Find("input").GetAttribute("value"));

    [Fact]
    public void Markup_that_was_typed_comes_back_as_text()
    {
        var field = Email(Wrong, value: "\"><script>alert(1)</script>");
        Assert.Empty(field.FindAll("script"));
        Assert.Equal("\"><script>alert(1)</script>", field.Find("input").GetAttribute("value"));
    }

    [Fact]
    public void A_name_may_differ_from_the_id_where_two_forms_on_a_page_ask_the_same()
    {
        var input = Render<Field>(p =>
                p.Add(f => f.Id, "resend-email").Add(f => f.Name, "email").Add(f => f.Label, "E-mail address")
            )
            .Find("input");
        Assert.Equal(("resend-email", "email"), (input.Id, input.GetAttribute("name")));
    }
}

public sealed class PasswordFieldTests : BunitContext
{
    private IElement Input(string id, string? autocomplete = null) =>
        Render<PasswordField>(p =>
                p.Add(f => f.Id, id).Add(f => f.Label, "Password").Add(f => f.Autocomplete, autocomplete)
            )
            .Find("input");

    [Fact]
    public void A_password_is_never_sent_back()
    {
        Assert.Null(typeof(PasswordField).GetProperty("Value"));
        Assert.False(Input("current-password").HasAttribute("value"));
    }

    [Theory]
    [InlineData("current-password")]
    [InlineData("new-password")]
    public void A_password_manager_knows_which_password_is_asked_for(string id) =>
        Assert.Equal(id, Input(id).GetAttribute("autocomplete"));

    [Fact]
    public void A_password_is_not_cut_corrected_or_kept_from_being_pasted()
    {
        var input = Input("new-password");
        Assert.False(input.HasAttribute("maxlength"));
        Assert.False(input.HasAttribute("onpaste"));
        Assert.Equal(("none", "false"), (input.GetAttribute("autocapitalize"), input.GetAttribute("spellcheck")));
    }

    [Fact]
    public void The_button_that_shows_it_is_hidden_until_a_script_can_serve_it()
    {
        var button = Render<PasswordField>(p => p.Add(f => f.Id, "new-password").Add(f => f.Label, "Password"))
            .Find("button");
        Assert.True(button.HasAttribute("hidden"));
        Assert.Equal(
            ("button", "new-password", "Show password"),
            (button.GetAttribute("type"), button.GetAttribute("aria-controls"), button.GetAttribute("aria-label"))
        );
    }

    [Fact]
    public void Rules_are_said_before_the_field_and_tied_to_it()
    {
        var field = Render<PasswordField>(p =>
            p.Add(f => f.Id, "new-password").Add(f => f.Label, "Password").Add(f => f.Hint, "At least 8 characters.")
        );
        Assert.Equal("new-password-hint", field.Find("input").GetAttribute("aria-describedby"));
        Assert.True(
            field.Markup.IndexOf("At least 8", StringComparison.Ordinal)
                < field.Markup.IndexOf("<input", StringComparison.Ordinal)
        );
    }
}

public sealed class CodeFieldTests : BunitContext
{
    private IElement Input() =>
        Render<CodeField>(p => p.Add(f => f.Id, "code").Add(f => f.Label, "Code")).Find("input");

    [Fact]
    public void A_code_is_one_input_that_the_phone_can_fill_in()
    {
        var input = Input();
        Assert.Equal(
            ("text", "numeric", "one-time-code"),
            (input.GetAttribute("type"), input.GetAttribute("inputmode"), input.GetAttribute("autocomplete"))
        );
    }

    [Fact]
    public void A_pasted_code_with_a_space_is_not_cut()
    {
        Assert.False(Input().HasAttribute("maxlength"));
        Assert.Matches($"^(?:{Input().GetAttribute("pattern")})$", "123 456");
    }

    [Fact]
    public void A_code_reads_left_to_right_in_every_language() => Assert.Equal("ltr", Input().GetAttribute("dir"));

    [Fact]
    public void A_code_is_not_sent_back() => Assert.Null(typeof(CodeField).GetProperty("Value"));
}
