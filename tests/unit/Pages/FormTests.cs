using BlazorAuth.Web.Components;
using Bunit;
using Microsoft.AspNetCore.Components.Forms;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorAuth.UnitTests.Pages;

public sealed class ErrorSummaryTests : BunitContext
{
    private static readonly FormErrors Two = FormErrors
        .None.Add("email", "Enter an e-mail address.")
        .Add("new-password", "Use at least 8 characters.");

    private IRenderedComponent<ErrorSummary> Summary(FormErrors errors) =>
        Render<ErrorSummary>(p => p.Add(s => s.Errors, errors));

    [Fact]
    public void Nothing_wrong_shows_nothing() => Assert.Equal("", Summary(FormErrors.None).Markup.Trim());

    [Fact]
    public void Each_error_links_to_its_input_in_the_order_of_the_form() =>
        Assert.Equal(
            [("#email", "Enter an e-mail address."), ("#new-password", "Use at least 8 characters.")],
            Summary(Two).FindAll("a").Select(a => (a.GetAttribute("href")!, a.TextContent))
        );

    [Fact]
    public void An_error_about_the_form_as_a_whole_is_no_link()
    {
        var summary = Summary(FormErrors.None.Add(null, "Too many attempts."));
        Assert.Empty(summary.FindAll("a"));
        Assert.Equal("Too many attempts.", summary.Find("li").TextContent.Trim());
    }

    [Fact]
    public void The_box_takes_the_focus_and_the_alert_is_inside_it()
    {
        var box = Summary(Two).Find("#error-summary");
        Assert.Equal("-1", box.GetAttribute("tabindex"));
        Assert.True(box.HasAttribute("autofocus"));
        Assert.False(box.HasAttribute("role"));
        Assert.Equal("There is a problem", box.QuerySelector("[role=alert] > h2")!.TextContent);
    }
}

public sealed class FormPageTests : BunitContext
{
    public FormPageTests()
    {
        ComponentFactories.AddStub<Microsoft.AspNetCore.Components.Web.PageTitle>(p => p.Get(t => t.ChildContent)!);
        Services.AddSingleton<AntiforgeryStateProvider>(new NoAntiforgery());
    }

    private IRenderedComponent<FormPage> Page(Action<ComponentParameterCollectionBuilder<FormPage>>? more = null) =>
        Render<FormPage>(p =>
        {
            p.Add(f => f.Title, "Sign in").Add(f => f.FormName, "login").Add(f => f.SubmitLabel, "Sign in");
            more?.Invoke(p);
        });

    private static readonly FormErrors Wrong = FormErrors.None.Add(
        "identifier",
        "Enter your e-mail address or user name."
    );

    [Fact]
    public void A_page_has_one_heading_and_one_form_that_posts()
    {
        var page = Page();
        Assert.Equal("Sign in", Assert.Single(page.FindAll("h1")).TextContent);
        Assert.Equal("post", Assert.Single(page.FindAll("form")).GetAttribute("method"));
    }

    [Fact]
    public void The_summary_of_errors_stands_above_the_heading() =>
        Assert.Equal(
            ["DIV", "H1"],
            Page(p => p.Add(f => f.Errors, Wrong)).FindAll("#error-summary, h1").Select(e => e.TagName)
        );

    [Fact]
    public void The_submit_button_says_what_it_does_and_is_never_disabled()
    {
        var button = Assert.Single(Page().FindAll("button[type=submit]"));
        Assert.Equal("Sign in", button.TextContent);
        Assert.False(button.HasAttribute("disabled"));
    }

    [Fact]
    public void The_sentences_are_the_servers_and_not_the_browsers() =>
        Assert.True(Page().Find("form").HasAttribute("novalidate"));

    [Fact]
    public void The_account_name_is_there_for_password_managers_only()
    {
        var name = Page(p => p.Add(f => f.AccountName, "ada@example.org")).Find("input[autocomplete=username]");
        Assert.Equal("ada@example.org", name.GetAttribute("value"));
        Assert.True(name.HasAttribute("readonly"));
        Assert.Equal("-1", name.GetAttribute("tabindex"));
        Assert.Contains("visually-hidden", name.ParentElement!.ClassList);
    }

    [Fact]
    public void A_page_without_an_account_name_has_no_such_input() => Assert.Empty(Page().FindAll("#account-name"));

    [Theory]
    [InlineData(false, "primary")]
    [InlineData(true, "danger")]
    public void What_cannot_be_undone_looks_like_it(bool danger, string style) =>
        Assert.Contains(style, Page(p => p.Add(f => f.Danger, danger)).Find("button[type=submit]").ClassList);

    [Fact]
    public void Nothing_is_styled_or_scripted_inline()
    {
        var page = Page(p => p.Add(f => f.Errors, Wrong).Add(f => f.AccountName, "ada"));
        Assert.Empty(page.FindAll("[style], style, script, [onclick], [onsubmit]"));
    }

    private sealed class NoAntiforgery : AntiforgeryStateProvider
    {
        public override AntiforgeryRequestToken? GetAntiforgeryToken() => null;
    }
}

public sealed class BannerTests : BunitContext
{
    [Theory]
    [InlineData(BannerKind.Success, "success")]
    [InlineData(BannerKind.Info, "info")]
    [InlineData(BannerKind.Warning, "warning")]
    public void A_banner_is_told_politely_and_looks_like_its_kind(BannerKind kind, string style)
    {
        var banner = Render<Banner>(p => p.Add(b => b.Kind, kind).AddChildContent("<p>Saved.</p>")).Find(".banner");
        Assert.Equal("status", banner.GetAttribute("role"));
        Assert.Contains(style, banner.ClassList);
        Assert.Equal("Saved.", banner.TextContent.Trim());
    }

    [Fact]
    public void Its_picture_says_nothing_to_who_cannot_see_it() =>
        Assert.Equal("true", Render<Banner>().Find("svg").GetAttribute("aria-hidden"));
}
